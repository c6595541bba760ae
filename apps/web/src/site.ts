import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { signal } from '@preact/signals';
import { systemClock } from '@opengateway/core';
import type { BootstrapDocument, Region } from '@opengateway/core';
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
import { createPersistenceState } from './state/persistence.ts';
import { createPlanner } from './state/planner.ts';
import { createRegionState } from './state/region-state.ts';
import { createRejoinMemory } from './state/rejoin.ts';
import { createRelayState } from './state/relay-state.ts';
import { createSettings } from './state/settings.ts';
import { createTabLeadership } from './state/tab-leadership.ts';
import { createUploadState } from './state/upload-state.ts';
import type { Router } from './router.ts';
import type { AnswerSources } from './state/answer-source.ts';
import type { ApiKeyState } from './state/api-key.ts';
import type { BatteryHost, OnBattery } from './state/battery.ts';
import type { ContributeState } from './state/contribute-state.ts';
import type { CpuPressure, PressureHost } from './state/cpu-pressure.ts';
import type { DeviceState } from './state/device-state.ts';
import type { Hold } from './state/holds.ts';
import type { LoadMark } from './state/load-mark.ts';
import type { NodeState } from './state/node-state.ts';
import type { SiteNode } from './node/types.ts';
import type { PersistenceState } from './state/persistence.ts';
import type { RegionState } from './state/region-state.ts';
import type { RejoinMemory } from './state/rejoin.ts';
import type { RelayState } from './state/relay-state.ts';
import type { Settings } from './state/settings.ts';
import type { UploadState } from './state/upload-state.ts';

/** All that pages read and do, made once. */
export interface Site {
  readonly router: Router;
  readonly relay: RelayState;
  readonly node: NodeState;
  readonly region: RegionState;
  readonly upload: UploadState;
  readonly persistence: PersistenceState;
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

/** Brings libp2p in and joins the region that the person chose, or the one that suits the address. */
export type LoadSiteNode = (bootstrap: BootstrapDocument, region: Region | null) => Promise<SiteNode>;

const now = () => systemClock.now();

/** The engine's package is large, and not every visitor lends. */
const deviceComponents = {
  probe: async () => (await import('@opengateway/gpu-worker')).probeBrowser(),
  measure: measureInWorker,
};

/** Puts the site together for `host`; `loadNode` brings in the network when it is first wanted. */
export function createSite(host: Window & typeof globalThis, loadNode: LoadSiteNode): Site {
  const base = host.location.origin;
  const fetch: typeof globalThis.fetch = (input, init) => host.fetch(input, init);
  const relay = createRelayState({
    client: createRelayClient({ fetch, now: () => performance.now() }, base),
    clock: systemClock,
    visible: () => host.document.visibilityState === 'visible',
  });
  const settings = createSettings(host.localStorage);
  const load = (bootstrap: BootstrapDocument) => loadNode(bootstrap, settings.region.peek());
  const node = createNodeState({ relay, load, clock: systemClock });
  const apiKey = createApiKeyState(host.sessionStorage);
  const catalog = () => relay.bootstrap.value?.catalog ?? [];
  const mark = createLoadMark(host.localStorage);
  const memory = createRejoinMemory(
    host.sessionStorage,
    (host.document as Document & { readonly wasDiscarded?: boolean }).wasDiscarded === true,
  );
  const device = createDeviceState({ ...deviceComponents, storage: host.localStorage, now });
  const persistence = createPersistenceState(host.navigator.storage);
  const contribute = createContributeState({
    askPersistence: persistence.ask,
    node,
    now,
    storage: host.localStorage,
    leadership: createTabLeadership({
      locks: host.navigator.locks,
      channel: new host.BroadcastChannel(CONTRIBUTOR_CHANNEL),
    }),
    plan: createPlanner({ device, settings, catalog, mark }),
    mark,
    memory,
  });
  const pressure = watchPressure(host as PressureHost, {
    computing: () => contribute.snapshot.peek().requestsNow > 0,
    now,
  });
  const upload = createUploadState({ node, settings, now });
  const onBattery = watchBattery(host.navigator as BatteryHost);
  const minutes = signal(minutesOfDay(now()));
  return {
    router: createRouter(host),
    relay,
    node,
    region: createRegionState({ relay, settings, node, contribute }),
    upload,
    persistence,
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
      upload.sample();
    },
    apiKey,
    sources: createAnswerSources({
      fetch,
      base,
      node,
      catalogEntry: (model) => catalog().find(({ id }) => id === model) ?? null,
      apiKey: () => apiKey.key.value,
      region: () => settings.region.value,
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
