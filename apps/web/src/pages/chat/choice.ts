import { useComputed } from '@preact/signals';
import { modelHere } from '../../state/answer-source.ts';
import { modelCoverage } from '../../state/coverage.ts';
import { useSite } from '../../site.ts';
import { useChat } from './use-chat.ts';
import type { CatalogEntry, LayerRange, PlannedRoute } from '@opengateway/core';
import type { ReadonlySignal } from '@preact/signals';
import type { Site } from '../../site.ts';
import type { SendChoice } from '../../state/chat-state.ts';

/** Where the next answer would come from. */
export type Prospect =
  | { readonly type: 'device'; readonly tokensPerSecond: number }
  /** `stages`: how many peers compute a part each; 1 where one of `peers` with the whole model does. */
  | { readonly type: 'peers'; readonly peers: number; readonly stages: number; readonly tokensPerSecond: number }
  /** Through the relay, which may know more than this tab. */
  | { readonly type: 'relay' }
  /** Asked of this page's relay, which answers for another region than the one chosen. */
  | { readonly type: 'other-region'; readonly region: string; readonly ofRelay: string }
  | { readonly type: 'joining' }
  | { readonly type: 'not-joined'; readonly problem: string }
  | { readonly type: 'listening' }
  | { readonly type: 'full' }
  /** Nobody holds these layers; none where all are held but make no chain. */
  | { readonly type: 'missing'; readonly gaps: readonly LayerRange[] }
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

/** Taken for the way between peers while the one to the relay has not been measured. */
const ASSUMED_RTT_MS = 50;

/** What the composer, the picker and the answers' buttons all go by. */
export function useChoice(): Choice {
  const site = useSite();
  const { relay, contribute, settings } = site;
  const chat = useChat();
  const entry = useComputed(() => {
    const catalog = relay.bootstrap.value?.catalog ?? [];
    const wanted = chat.current.value?.model ?? settings.model.value;
    const loaded = contribute.snapshot.value.model;
    return catalog.find(({ id }) => id === wanted) ?? catalog[0] ?? loaded;
  });
  const prospect = useComputed(() => prospectOf(site, entry.value));
  return {
    entry,
    prospect,
    send() {
      const blocked = prospect.value.type === 'not-here' || prospect.value.type === 'connecting';
      if (entry.value === null || blocked) return null;
      return { model: entry.value.id, place: settings.place.value };
    },
  };
}

function prospectOf(site: Site, entry: CatalogEntry | null): Prospect {
  const { contribute, settings, relay, node } = site;
  const snapshot = contribute.snapshot.value;
  if (entry !== null && modelHere(snapshot, entry.id) !== null) {
    // The self-test that is told is that of the first model.
    const measured = snapshot.model?.id === entry.id;
    return { type: 'device', tokensPerSecond: measured ? snapshot.decodeTokensPerSecond : 0 };
  }
  const place = settings.place.value;
  if (place === 'device') return { type: 'not-here' };
  const unreachable = relay.phase.value === 'unreachable';
  if (unreachable && (place === 'relay' || node.node.value === null)) return { type: 'unreachable' };
  if (entry === null) return { type: 'connecting' };
  return place === 'direct' ? directProspect(site, entry) : relayProspect(site, entry);
}

function directProspect(site: Site, entry: CatalogEntry): Prospect {
  const { node } = site;
  if (node.phase.value === 'failed') return { type: 'not-joined', problem: node.problem.value ?? 'unknown reason' };
  const plan = planOf(site, entry);
  if (plan === null) return { type: 'joining' };
  if (plan.route !== undefined) return peersOf(site, entry, plan.route);
  if (!node.settled.value) return { type: 'listening' };
  return plan.full ? { type: 'full' } : { type: 'missing', gaps: plan.missing };
}

function relayProspect(site: Site, entry: CatalogEntry): Prospect {
  const view = site.region.view.value;
  const chosen = site.settings.region.value;
  if (view !== null && chosen !== null && chosen !== view.ofRelay) {
    return { type: 'other-region', region: chosen, ofRelay: view.ofRelay };
  }
  // What this tab hears of another region says nothing of what the relay can do.
  if (view !== null && view.region !== view.ofRelay) return { type: 'relay' };
  const plan = planOf(site, entry);
  if (plan?.route !== undefined) return peersOf(site, entry, plan.route);
  // After that time, and while it is linked, this tab knows whoever the relay knows.
  const { settled, relayConnected } = site.node;
  if (plan !== null && settled.value && relayConnected.value) {
    return plan.full ? { type: 'full' } : { type: 'missing', gaps: plan.missing };
  }
  if (site.relay.ready.value !== false) return { type: 'relay' };
  return { type: 'missing', gaps: [{ start: 0, end: entry.layerCount }] };
}

function planOf({ node, relay }: Site, entry: CatalogEntry) {
  // The rows change whenever what the plan is made of does.
  const joined = node.peers.value && node.node.value;
  return joined?.plan(entry, relay.roundTripMs.value ?? ASSUMED_RTT_MS) ?? null;
}

function peersOf({ node }: Site, entry: CatalogEntry, { stages, expectedTokenMs }: PlannedRoute): Prospect {
  const measured = stages.every(({ served }) => served.decodeTokensPerSecond > 0);
  return {
    type: 'peers',
    peers: stages.length > 1 ? stages.length : modelCoverage(node.peers.value, entry).wholes,
    stages: stages.length,
    tokensPerSecond: measured && expectedTokenMs > 0 ? 1000 / expectedTokenMs : 0,
  };
}
