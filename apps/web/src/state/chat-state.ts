import { batch, computed, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { ANSWER_LOCK_PREFIX, MAX_PROMPT_CHARS } from '../constants.ts';
import { liveMessage, writeAnswer } from './answer-writer.ts';
import { createConversationList } from './conversation-list.ts';
import { DEFAULT_CONVERSATION_OPTIONS, requestMessages, titleFrom } from './transcript.ts';
import type { AnswerSources } from './answer-source.ts';
import type { LiveMessage } from './answer-writer.ts';
import type { ConversationList } from './conversation-list.ts';
import type { Place } from './settings.ts';
import type { ConversationStore } from '../storage/conversation-store.ts';
import type { ConversationOptions, StoredConversation, StoredMessage } from '../storage/schema.ts';

export interface ChatComponents {
  readonly openStore: () => Promise<{ store: ConversationStore; lasting: boolean }>;
  readonly sources: AnswerSources;
  readonly now: () => number;
  readonly newId: () => string;
  /** An unsigned 32-bit number. */
  readonly newSeed: () => number;
  readonly locks: Pick<LockManager, 'request' | 'query'>;
  /** Tells other tabs that the store changed. */
  readonly publish: (conversationId: string) => void;
  /** Called when the relay wants an API key. */
  readonly onKeyWanted: () => void;
}

/** Everything the chat page shows and does. */
export interface ChatState extends ConversationList {
  /** Of the open conversation, or of the one about to begin. */
  readonly options: ReadonlySignal<ConversationOptions>;
  setOptions(options: ConversationOptions): Promise<void>;
  /** Which model the open conversation is answered by from now on. */
  setModel(model: string): Promise<void>;
  readonly phase: ReadonlySignal<'opening' | 'ready'>;
  /** Whether chats outlive the page; false where the browser forbids storage. */
  readonly lasting: ReadonlySignal<boolean>;
  readonly messages: ReadonlySignal<readonly LiveMessage[]>;
  /** Whether the open conversation is being answered here. */
  readonly answering: ReadonlySignal<boolean>;
  open(): Promise<void>;
  /** Opens a conversation, or none for a new one. */
  select(conversationId: string | null): Promise<void>;
  send(text: string, choice: SendChoice): Promise<void>;
  /** Replaces a question and everything after it. */
  resend(position: number, text: string, choice: SendChoice): Promise<void>;
  /** Asks again for the answer at `position`; everything after it goes. */
  regenerate(position: number, choice: SendChoice): Promise<void>;
  /** Takes an interrupted or failed answer up again, with its own seed. */
  resume(position: number, choice: SendChoice): Promise<void>;
  stop(): void;
  /** Another tab changed something. */
  refresh(conversationId: string): Promise<void>;
}

export interface SendChoice {
  readonly model: string;
  readonly place: Place;
}

export function createChatState(components: ChatComponents): ChatState {
  const { sources, now, newId, newSeed, locks, publish } = components;
  const phase = signal<'opening' | 'ready'>('opening');
  const lasting = signal(true);
  const messages = signal<readonly LiveMessage[]>([]);
  const running = signal<ReadonlyMap<string, { live: LiveMessage; abort: AbortController }>>(new Map());
  const nextOptions = signal(DEFAULT_CONVERSATION_OPTIONS);
  let store: ConversationStore | null = null;
  let opened: Promise<void> | null = null;

  const storeNow = (): ConversationStore => {
    if (store === null) throw new Error('The chat store is used before it is open.');
    return store;
  };
  const list = createConversationList({ store: storeNow, publish });
  const { current } = list;

  const readMessages = async (conversationId: string) => {
    const stored = await storeNow().messages(conversationId);
    const held = new Set((await locks.query()).held?.map((lock) => lock.name));
    const read = await Promise.all(
      stored.map(async (message) => {
        const mine = running.value.get(conversationId);
        if (mine?.live.id === message.id) return mine.live;
        // Its writer is gone (a reload, a closed tab): what was saved is all there is.
        if (message.status === 'streaming' && !held.has(ANSWER_LOCK_PREFIX + message.id)) {
          const interrupted: StoredMessage = { ...message, status: 'interrupted' };
          await storeNow().saveMessage(interrupted);
          return liveMessage(interrupted);
        }
        return liveMessage(message);
      }),
    );
    if (current.value?.id === conversationId) messages.value = read;
  };

  const answer = async (conversation: StoredConversation, live: LiveMessage, choice: SendChoice) => {
    const abort = new AbortController();
    const request = {
      // A resumed answer keeps its model, so that its seed gives the same words again.
      model: live.message.value.model ?? choice.model,
      messages: requestMessages(
        messages.value.map((each) => each.message.value),
        live.message.value.position,
        conversation.options,
      ),
      temperature: conversation.options.temperature,
      maxTokens: conversation.options.maxTokens,
      seed: live.message.value.seed ?? 0,
    };
    running.value = new Map(running.value).set(conversation.id, { live, abort });
    await locks.request(ANSWER_LOCK_PREFIX + live.id, async () => {
      await storeNow().saveMessage(live.message.value);
      publish(conversation.id);
      const save = (message: StoredMessage) => storeNow().saveMessage(message);
      const source = sources.choose(request.model, choice.place);
      await writeAnswer({ now, save }, live, source.by, source.answer(request, abort.signal), abort.signal);
    });
    const left = new Map(running.value);
    left.delete(conversation.id);
    running.value = left;
    publish(conversation.id);
    if (live.message.value.error?.code === 'invalid_api_key' || live.message.value.error?.code === 'http_401') {
      components.onKeyWanted();
    }
  };

  const newAnswer = (conversation: StoredConversation, position: number, model: string): LiveMessage =>
    liveMessage({
      id: newId(),
      conversationId: conversation.id,
      position,
      role: 'assistant',
      content: '',
      createdMs: now(),
      status: 'streaming',
      seed: newSeed(),
      model,
      report: null,
      error: null,
    });

  const keepBefore = async (conversation: StoredConversation, position: number) => {
    await storeNow().truncate(conversation.id, position);
    messages.value = messages.value.filter((live) => live.message.value.position < position);
  };

  const ask = async (conversation: StoredConversation, text: string, choice: SendChoice) => {
    const position = (messages.value.at(-1)?.message.value.position ?? -1) + 1;
    const question = liveMessage({
      id: newId(),
      conversationId: conversation.id,
      position,
      role: 'user',
      content: text.slice(0, MAX_PROMPT_CHARS),
      createdMs: now(),
      status: 'complete',
      seed: null,
      model: null,
      report: null,
      error: null,
    });
    const live = newAnswer(conversation, position + 1, choice.model);
    messages.value = [...messages.value, question, live];
    await storeNow().saveMessage(question.message.value);
    await answer(conversation, live, choice);
  };

  const touched = async (choice: SendChoice, firstText: string): Promise<StoredConversation> => {
    const known = current.value;
    const base: StoredConversation = known ?? {
      id: newId(),
      title: titleFrom(firstText),
      titled: false,
      createdMs: now(),
      updatedMs: now(),
      model: choice.model,
      options: nextOptions.value,
    };
    return list.save({ ...base, updatedMs: now(), model: choice.model }, { open: known === null });
  };

  return {
    ...list,
    phase: computed(() => phase.value),
    lasting: computed(() => lasting.value),
    messages: computed(() => messages.value),
    options: computed(() => current.value?.options ?? nextOptions.value),
    async setOptions(options) {
      if (current.value) await list.save({ ...current.value, options });
      else nextOptions.value = options;
    },
    async setModel(model) {
      if (current.value) await list.save({ ...current.value, model });
    },
    answering: computed(() => current.value !== null && running.value.has(current.value.id)),
    open: () =>
      (opened ??= (async () => {
        const result = await components.openStore();
        store = result.store;
        await list.reload();
        batch(() => {
          lasting.value = result.lasting;
          phase.value = 'ready';
        });
      })()),
    async select(conversationId) {
      list.choose(conversationId);
      messages.value = [];
      if (conversationId !== null && current.value !== null) await readMessages(conversationId);
    },
    async send(text, choice) {
      await ask(await touched(choice, text), text, choice);
    },
    async resend(position, text, choice) {
      const conversation = await touched(choice, text);
      await keepBefore(conversation, position);
      const first = position === 0 && !conversation.titled;
      await ask(first ? await list.save({ ...conversation, title: titleFrom(text) }) : conversation, text, choice);
    },
    async regenerate(position, choice) {
      const conversation = await touched(choice, '');
      await keepBefore(conversation, position);
      const live = newAnswer(conversation, position, choice.model);
      messages.value = [...messages.value, live];
      await answer(conversation, live, choice);
    },
    async resume(position, choice) {
      const live = messages.value.find((each) => each.message.value.position === position);
      if (!live) return;
      const conversation = await touched(choice, '');
      live.message.value = { ...live.message.value, status: 'streaming', error: null };
      await answer(conversation, live, choice);
    },
    stop() {
      const id = current.value?.id;
      if (id !== undefined) running.value.get(id)?.abort.abort(new DOMException('Stopped.', 'AbortError'));
    },
    async refresh(conversationId) {
      if (phase.value !== 'ready') return;
      await list.reload();
      if (current.value?.id === conversationId && !running.value.has(conversationId)) {
        await readMessages(conversationId);
      }
    },
  };
}
