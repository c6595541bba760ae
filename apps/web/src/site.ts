import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { signal } from '@preact/signals';
import { systemClock } from '@opengateway/core';
import type { ReadonlySignal, Signal } from '@preact/signals';
import { createRelayClient } from './api/relay-client.ts';
import { CONTRIBUTOR_CHANNEL } from './constants.ts';
import { createRouter } from './router.ts';
import { createAnswerSources } from './state/answer-source.ts';
import { createApiKeyState } from './state/api-key.ts';
import { watchBattery } from './state/battery.ts';
import { createContributeState } from './state/contribute-state.ts';
import { watchPressure } from './state/cpu-pressure.ts';
import { createDeviceState } from './state/device-state.ts';
import { activeHolds } from './state/holds.ts';
import { minutesOfDay } from './state/hours.ts';
import { createLoadMark } from './state/load-mark.ts';
import { measureInWorker } from './state/measure-in-worker.ts';
import { createNodeState } from './state/node-state.ts';
import { createPlanner } from './state/planner.ts';
import { createRejoinMemory } from './state/rejoin.ts';
import { createRelayState } from './state/relay-state.ts';
import { createSettings } from './state/settings.ts';
import { createTabLeadership } from './state/tab-leadership.ts';
import type { Router } from './router.ts';
import type { AnswerSources } from './state/answer-source.ts';
import type { ApiKeyState } from './state/api-key.ts';
import type { BatteryHost, OnBattery } from './state/battery.ts';
import type { ContributeState } from './state/contribute-state.ts';
import type { CpuPressure, PressureHost } from './state/cpu-pressure.ts';
import type { DeviceState } from './state/device-state.ts';
import type { Hold } from './state/holds.ts';
import type { LoadMark } from './state/load-mark.ts';
import type { LoadNode, NodeState } from './state/node-state.ts';
import type { RejoinMemory } from './state/rejoin.ts';
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
  readonly device: DeviceState;
  readonly pressure: CpuPressure;
  /** The person's limits that hold now. */
  readonly holds: ReadonlySignal<readonly Hold[]>;
  readonly mark: LoadMark;
  readonly memory: RejoinMemory;
  /** Takes note of the time; called by the page's clock. */
  tick(): void;
  /** Said by screen readers when it changes. */
  readonly announcement: Signal<string>;
  /** Origin of the relay. */
  readonly base: string;
}

const now = () => systemClock.now();

/** The engine's package is large, and not every visitor lends. */
const deviceComponents = {
  probe: async () => (await import('@opengateway/gpu-worker')).probeBrowser(),
  measure: measureInWorker,
};

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
  const settings = createSettings(host.localStorage);
  const mark = createLoadMark(host.localStorage);
  const memory = createRejoinMemory(
    host.sessionStorage,
    (host.document as Document & { readonly wasDiscarded?: boolean }).wasDiscarded === true,
  );
  const device = createDeviceState({ ...deviceComponents, storage: host.localStorage, now });
  const contribute = createContributeState({
    node,
    now,
    storage: host.localStorage,
    leadership: createTabLeadership({
      locks: host.navigator.locks,
      channel: new host.BroadcastChannel(CONTRIBUTOR_CHANNEL),
    }),
    plan: createPlanner({ device, settings, mark }),
    mark,
    memory,
  });
  const pressure = watchPressure(host as PressureHost, {
    computing: () => contribute.snapshot.peek().requestsNow > 0,
    now,
  });
  const onBattery = watchBattery(host.navigator as BatteryHost);
  const minutes = signal(minutesOfDay(now()));
  return {
    router: createRouter(host),
    relay,
    node,
    contribute,
    settings,
    device,
    pressure,
    holds: activeHolds({ settings, onBattery, busy: pressure.busy, minutes }),
    mark,
    memory,
    tick() {
      minutes.value = minutesOfDay(now());
      pressure.check();
      contribute.sample();
    },
    apiKey,
    sources: createAnswerSources({
      fetch,
      base,
      node,
      catalogEntry: (model) => relay.bootstrap.value?.catalog.find(({ id }) => id === model) ?? null,
      apiKey: () => apiKey.key.value,
    }),
    onBattery,
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
