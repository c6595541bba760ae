import { computed, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { REGIONS, chooseRegion } from '@opengateway/core';
import type { BootstrapDocument, KnownRelay, Region, RegionSource } from '@opengateway/core';
import { isOn } from './is-on.ts';
import type { ContributeState } from './contribute-state.ts';
import type { NodeState } from './node-state.ts';
import type { RelayState } from './relay-state.ts';
import type { Settings } from './settings.ts';

/** Where this tab is, or will be once it joins, and how that is known. */
export interface RegionView {
  readonly region: string;
  readonly source: RegionSource;
  /** What the address tells; null where it tells nothing. */
  readonly byAddress: string | null;
  /** Where it would be if the person had not chosen. */
  readonly unchosen: string;
  /** Of the relay that this page came from: `/v1` answers for that one alone. */
  readonly ofRelay: string;
}

/** One of the seven regions, with the relays known there. */
export interface RegionOption {
  readonly region: Region;
  readonly relays: number;
  /** Whether this tab could join it. */
  readonly joinable: boolean;
}

/** Which region this tab is in, and the way to another. */
export interface RegionState {
  /** Null before the relay told. */
  readonly view: ReadonlySignal<RegionView | null>;
  readonly options: ReadonlySignal<readonly RegionOption[]>;
  /** While it leaves one region and joins another. */
  readonly changing: ReadonlySignal<boolean>;
  /** Relays known in a region, by the address of their site. */
  relaysOf(region: string): readonly KnownRelay[];
  /** Keeps the choice, and joins that region now if this tab has joined one; lending goes on there. Never rejects. */
  change(region: Region | null): Promise<void>;
}

export function createRegionState(components: {
  relay: Pick<RelayState, 'bootstrap'>;
  settings: Pick<Settings, 'region'>;
  node: Pick<NodeState, 'node' | 'join' | 'leave'>;
  contribute: Pick<ContributeState, 'snapshot' | 'choice' | 'start' | 'stop'>;
}): RegionState {
  const { relay, settings, node, contribute } = components;
  const changing = signal(false);
  const view = computed(() => {
    const document = relay.bootstrap.value;
    return document === null ? null : regionView(document, settings.region.value, node.node.value?.region ?? null);
  });
  const relaysOf = (region: string) =>
    (relay.bootstrap.value?.relays ?? []).filter((known) => known.region === region && isWebAddress(known.url));

  const move = async () => {
    const choice = isOn(contribute.snapshot.peek()) ? contribute.choice.peek() : null;
    if (choice !== null) await contribute.stop();
    if (node.node.peek() === null) return;
    await node.leave();
    if (choice === null) await node.join();
    else void contribute.start(choice);
  };
  return {
    view,
    options: computed(() => {
      const document = relay.bootstrap.value;
      return REGIONS.map((region) => ({
        region,
        relays: relaysOf(region).length,
        joinable: document !== null && chooseRegion(document, region).region === region,
      }));
    }),
    changing,
    relaysOf,
    async change(region) {
      if (changing.value) return;
      settings.region.value = region;
      const document = relay.bootstrap.peek();
      const joined = node.node.peek();
      if (document === null || joined?.region === chooseRegion(document, region ?? undefined).region) return;
      changing.value = true;
      try {
        await move();
      } catch {
        // Shown by the node's own state, with the way to try again.
      } finally {
        changing.value = false;
      }
    },
  };
}

function regionView(document: BootstrapDocument, override: Region | null, joined: string | null): RegionView {
  const choice = chooseRegion(document, override ?? undefined);
  const { client } = document;
  const byAddress = client?.regionSource === 'address' ? client.region : null;
  // Where it is does not change when a relay that led there falls silent.
  const region = joined ?? choice.region;
  const stays = region === override ? 'override' : region === byAddress ? 'address' : 'relay';
  return {
    region,
    source: region === choice.region ? choice.source : stays,
    byAddress,
    unchosen: chooseRegion(document).region,
    ofRelay: document.region,
  };
}

/** What relays say of each other may be anything: only such addresses become links. */
const isWebAddress = (url: string): boolean => /^https?:$/.test(URL.parse(url)?.protocol ?? '');
