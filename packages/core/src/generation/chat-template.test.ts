import { beforeAll, describe, expect, it } from 'vitest';
import { createChatTemplate } from './chat-template.ts';
import { readEmbeddedModel, readGoldenConversations } from './embedded-model.fixture.ts';
import type { ChatMessage } from '../completion/types.ts';
import type { ChatTemplate } from './chat-template.ts';

const templateOf = (source: string) => createChatTemplate({ source, beginText: '<s>', endText: '</s>' });
const user = (content: string): ChatMessage => ({ role: 'user', content });

describe("the embedded model's chat template", () => {
  let template: ChatTemplate;
  beforeAll(async () => {
    const { manifest } = await readEmbeddedModel();
    template = templateOf(manifest.chatTemplate ?? '');
  });

  it('renders every golden prompt exactly', async () => {
    for (const { messages, prompt } of await readGoldenConversations()) expect(template.render(messages)).toBe(prompt);
  });

  it('writes developer messages as system messages', () => {
    const messages = [{ role: 'developer' as const, content: 'Be brief.' }, user('Hi')];
    expect(template.render(messages)).toBe(template.render([{ role: 'system', content: 'Be brief.' }, user('Hi')]));
  });
});

describe('createChatTemplate', () => {
  it('gives templates the texts of the special tokens', () => {
    expect(templateOf('{{ bos_token }}{{ messages[0].content }}{{ eos_token }}').render([user('x')])).toBe('<s>x</s>');
  });

  it('keeps the developer role for a template that knows it', () => {
    const template = templateOf("{% if messages[0].role == 'developer' %}D{% else %}other{% endif %}");
    expect(template.render([{ role: 'developer', content: 'x' }])).toBe('D');
  });

  it('refuses conversations the template refuses, with its reason', () => {
    const template = templateOf(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('No system role') }}{% endif %}{{ m.content }}{% endfor %}",
    );
    expect(template.render([user('fine')])).toBe('fine');
    expect(() => template.render([{ role: 'system', content: 'x' }])).toThrow(
      expect.objectContaining({ code: 'invalid_messages', message: expect.stringContaining('No system role') }),
    );
  });

  it('refuses a template that is not Jinja, or fails on any conversation', () => {
    for (const source of ['{% for %}', '{{ messages | no_such_filter }}', '{% if %}', '{{']) {
      expect(() => templateOf(source)).toThrow(expect.objectContaining({ code: 'unsupported_chat_template' }));
    }
  });

  it('takes what messages hold as text, never as template', () => {
    expect(templateOf('{{ messages[0].content }}').render([user('{{ 1 + 1 }}{% raw %}')])).toBe('{{ 1 + 1 }}{% raw %}');
  });
});
