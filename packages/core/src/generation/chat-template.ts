import { Template } from '@huggingface/jinja';
import { InvalidMessagesError, UnsupportedChatTemplateError } from './errors.ts';
import type { ChatMessage } from '../completion/types.ts';

export interface ChatTemplateInit {
  /** Jinja source, from the model. */
  readonly source: string;
  /** Texts of the special tokens that templates name `bos_token` and `eos_token`. */
  readonly beginText: string;
  readonly endText: string;
}

/** A model's own way of writing a conversation, compiled once. */
export interface ChatTemplate {
  /**
   * The prompt that asks for the assistant's next message. Whatever stands in it besides the messages,
   * a default system prompt for one, is the template's.
   *
   * @throws InvalidMessagesError where the template refuses the conversation.
   */
  render(messages: readonly ChatMessage[]): string;
}

/**
 * Compiles a template and tries it on one message, so that what fails later is the conversation's fault.
 *
 * @throws UnsupportedChatTemplateError
 */
export function createChatTemplate({ source, beginText, endText }: ChatTemplateInit): ChatTemplate {
  const template = compile(source);
  // Few templates know the newer name of the system role.
  const systemRole = source.includes('developer') ? 'developer' : 'system';
  const render = (messages: readonly ChatMessage[]): string =>
    template.render({
      messages: messages.map(({ role, content }) => ({ role: role === 'developer' ? systemRole : role, content })),
      add_generation_prompt: true,
      bos_token: beginText,
      eos_token: endText,
    });
  try {
    render([{ role: 'user', content: 'Hello' }]);
  } catch (cause) {
    throw new UnsupportedChatTemplateError(messageOf(cause), { cause });
  }
  return {
    render(messages) {
      try {
        return render(messages);
      } catch (cause) {
        throw new InvalidMessagesError(messageOf(cause), { cause });
      }
    },
  };
}

function compile(source: string): Template {
  try {
    return new Template(source);
  } catch (cause) {
    throw new UnsupportedChatTemplateError(messageOf(cause), { cause });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 200);
