import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { signal } from '@preact/signals';
import { systemClock } from '@opengateway/core';
import type { Signal } from '@preact/signals';
import { createRelayClient } from './api/relay-client.ts';
import { createRouter } from './router.ts';
import { createAnswerSources } from './state/answer-source.ts';
import { createApiKeyState } from './state/api-key.ts';
import { watchBattery } from './state/battery-guard.ts';
import { createContributeState } from './state/contribute-state.ts';
import { createNodeState } from './state/node-state.ts';
import { createRelayState } from './state/relay-state.ts';
import { createSettings } from './state/settings.ts';
import type { Router } from './router.ts';
import type { AnswerSources } from './state/answer-source.ts';
import type { ApiKeyState } from './state/api-key.ts';
import type { BatteryHost, OnBattery } from './state/battery-guard.ts';
import type { ContributeState } from './state/contribute-state.ts';
import type { LoadNode, NodeState } from './state/node-state.ts';
import type { RelayState } from './state/relay-state.ts';
import type { Settings } from './state/settings.ts';

/** All that pages read and do, made once. */
export interface Site {
  readonly router: Router;
  readonly relay: RelayState;
  readonly node: NodeState;
  readonly contribute: ContributeState;
  readonly settings: Settings;
  readonly apiKey: ApiKeyState;
  readonly sources: AnswerSources;
  readonly onBattery: OnBattery;
  /** Said by screen readers when it changes. */
  readonly announcement: Signal<string>;
  /** Origin of the relay. */
  readonly base: string;
}

const now = () => systemClock.now();

/** Puts the site together for `host`; `loadNode` brings in the network when it is first wanted. */
export function createSite(host: Window & typeof globalThis, loadNode: LoadNode): Site {
  const base = host.location.origin;
  const fetch: typeof globalThis.fetch = (input, init) => host.fetch(input, init);
  const relay = createRelayState({
    client: createRelayClient({ fetch, now: () => performance.now() }, base),
    clock: systemClock,
    visible: () => host.document.visibilityState === 'visible',
  });
  const node = createNodeState({ relay, load: loadNode, clock: systemClock });
  const apiKey = createApiKeyState(host.sessionStorage);
  return {
    router: createRouter(host),
    relay,
    node,
    contribute: createContributeState({ node, now, storage: host.localStorage, locks: host.navigator.locks }),
    settings: createSettings(host.localStorage),
    apiKey,
    sources: createAnswerSources({
      fetch,
      base,
      node: () => node.node.value,
      catalogEntry: (model) => relay.bootstrap.value?.catalog.find(({ id }) => id === model) ?? null,
      apiKey: () => apiKey.key.value,
    }),
    onBattery: watchBattery(host.navigator as BatteryHost),
    announcement: signal(''),
    base,
  };
}

export const SiteContext = createContext<Site | null>(null);

/** The site of the page being drawn. */
export function useSite(): Site {
  const site = useContext(SiteContext);
  if (site === null) throw new Error('A component is drawn outside of its site.');
  return site;
}
