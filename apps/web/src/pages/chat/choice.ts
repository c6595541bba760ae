import { useComputed } from '@preact/signals';
import { canAnswerHere } from '../../state/answer-source.ts';
import { modelSupply } from '../../state/peer-rows.ts';
import { useSite } from '../../site.ts';
import { useChat } from './use-chat.ts';
import type { CatalogEntry } from '@opengateway/core';
import type { ReadonlySignal } from '@preact/signals';
import type { SendChoice } from '../../state/chat-state.ts';

/** Where the next answer would come from. */
export type Prospect =
  | { readonly type: 'device'; readonly tokensPerSecond: number }
  | { readonly type: 'peers'; readonly peers: number; readonly tokensPerSecond: number }
  | { readonly type: 'relay' }
  | { readonly type: 'nobody' }
  | { readonly type: 'not-here' }
  | { readonly type: 'unreachable' }
  | { readonly type: 'connecting' };

export interface Choice {
  /** The model the next answer is asked of; null before the catalogue is read. */
  readonly entry: ReadonlySignal<CatalogEntry | null>;
  readonly prospect: ReadonlySignal<Prospect>;
  /** For `ChatState`; null while nothing can be sent. */
  send(): SendChoice | null;
}

/** What the composer, the picker and the answers' buttons all go by. */
export function useChoice(): Choice {
  const { relay, node, contribute, settings } = useSite();
  const chat = useChat();
  const entry = useComputed(() => {
    const catalog = relay.bootstrap.value?.catalog ?? [];
    const wanted = chat.current.value?.model ?? settings.model.value;
    const loaded = contribute.snapshot.value.model;
    return catalog.find(({ id }) => id === wanted) ?? catalog[0] ?? loaded;
  });
  const prospect = useComputed((): Prospect => {
    const snapshot = contribute.snapshot.value;
    const id = entry.value?.id;
    if (id !== undefined && canAnswerHere(snapshot, id)) {
      return { type: 'device', tokensPerSecond: snapshot.decodeTokensPerSecond };
    }
    if (settings.deviceOnly.value) return { type: 'not-here' };
    if (relay.phase.value === 'unreachable') return { type: 'unreachable' };
    if (id === undefined) return { type: 'connecting' };
    const supply = modelSupply(node.peers.value, id);
    if (supply.peers > 0) return { type: 'peers', peers: supply.peers, tokensPerSecond: supply.best };
    return relay.ready.value === false ? { type: 'nobody' } : { type: 'relay' };
  });
  return {
    entry,
    prospect,
    send() {
      const blocked = prospect.value.type === 'not-here' || prospect.value.type === 'connecting';
      if (entry.value === null || blocked) return null;
      return { model: entry.value.id, deviceOnly: settings.deviceOnly.value };
    },
  };
}
