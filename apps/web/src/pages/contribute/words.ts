import type { ContributorSnapshot, Recovery, WireError } from '@opengateway/core';
import { gapWords, heldWords, layerWords } from '../../format/layers.ts';
import { formatBytes, formatPlural, formatRate } from '../../format/numbers.ts';
import { formatEstimate } from '../../format/time.ts';
import type { CatalogEntry, LayerRange } from '@opengateway/core';
import type { ModelFit } from '../../state/model-fit.ts';
import type { LendingPlan } from '../../state/lending-plan.ts';
import type { Hold } from '../../state/holds.ts';

/** Why lending stopped, and what next. */
export function errorWords(error: WireError): string {
  switch (error.code) {
    case 'another_tab_lends':
      return 'Another tab of this browser lends this device. One is enough: two would share the same processor.';
    case 'device_lost':
      return 'The graphics device was lost (the system took it back).';
    case 'chunk_hash_mismatch':
      return `A piece of the weights is not what it should be, so it was not used. ${error.message}`;
    case 'source_unavailable':
      return `The weights could not be fetched. ${error.message} What has arrived is kept.`;
    case 'layers_out_of_range':
      return `The address asks for layers that this model does not have. ${error.message} Change or remove “layers=” in the address.`;
    case 'memory_too_small':
      return `Not one layer of this model fits the memory you lend. ${error.message}`;
    case 'unsupported_model':
      return `This version cannot run the model. ${error.message}`;
    default:
      return error.message;
  }
}

/** `The graphics device was lost (the system took it back). Starting again in 3 s.` */
export function restartWords({ failure, nextAtMs }: Recovery, nowMs: number): string {
  const leftMs = (nextAtMs ?? nowMs) - nowMs;
  return `${errorWords(failure)} ${leftMs > 0 ? `Starting again in ${formatEstimate(leftMs)}` : 'Starting again'}; your chats are safe.`;
}

const WHOLE = 'the whole model';
/** Said wherever a part is held. */
const MEMORY_NOT_SPEED = 'Sharing a model out makes room for larger ones, not for faster answers.';

const HOLD_WORDS: Readonly<Record<Hold, string>> = {
  battery: 'the device runs on its battery',
  busy: 'the device is busy with something else',
  hours: 'it is outside of your hours',
};

/** What another tab that lends is doing. */
export function elsewhereWords(there: ContributorSnapshot): string {
  const model = there.model?.name ?? 'a model';
  switch (there.state) {
    case 'serving': {
      const doing = there.requestsNow > 0 ? `answering at ${formatRate(there.tokensPerSecond)} tokens/s` : 'ready';
      return `Another tab of this browser lends this device: ${model}, ${doing}, ${formatPlural(there.requestsServed, 'request')} answered.`;
    }
    case 'paused':
      return `Another tab of this browser lends this device: ${model}, paused.`;
    case 'error':
      return `Another tab of this browser lends this device, and is starting again after a failure.`;
    default:
      return `Another tab of this browser is getting ready to lend this device: ${model}.`;
  }
}

/** Before a start: what will be fetched and held. */
export function startWords(entry: CatalogEntry, fit: ModelFit | null, layers: LayerRange | null): string {
  if (fit?.verdict === 'not-possible' && layers === null) return fit.reason;
  const tested = 'and tests it here before anyone is answered.';
  if (layers !== null) {
    return `The address asks for ${layerWords(layers)} of ${entry.name}. Turning it on fetches those, once, ${tested}`;
  }
  if (fit?.verdict === 'part') {
    return `${fit.reason} Turning it on fetches the part of ${entry.name} that the network lacks most, ${tested} ${MEMORY_NOT_SPEED}`;
  }
  return `Turning it on fetches ${entry.name} (${formatBytes(entry.bytes)}, once) ${tested}`;
}

/** What the memory lent means for a model. */
export function memoryWords({ name }: CatalogEntry, { verdict, reason }: ModelFit): string {
  if (verdict === 'part') return `${name}: ${reason} This tab then holds that part, and others the rest.`;
  if (verdict === 'not-possible') return `${name}: ${reason}`;
  return `The memory you lend is enough for the whole of ${name}. With less, this tab holds a part of its layers.`;
}

/** Which layers it holds, how large they are, and why these; null before anything is decided. */
export function heldLayersWords(
  { state, model, layers }: ContributorSnapshot,
  plan: LendingPlan | null,
  weightBytes: number | null,
): string | null {
  if (plan === null || model === null) return null;
  const lent = plan.memoryBytes === undefined ? 'what you lend' : `the ${formatBytes(plan.memoryBytes)} you lend`;
  if (layers === null) {
    return plan.layersBy === 'network'
      ? `The whole model does not fit ${lent}: this tab will hold the part that the network lacks most. ${MEMORY_NOT_SPEED}`
      : null;
  }
  const held = heldWords(layers, model.layerCount);
  const size = weightBytes === null ? '' : ` (${formatBytes(weightBytes)} of weights)`;
  const verb = state === 'serving' || state === 'paused' ? 'Holds' : 'Takes';
  const isPart = held !== WHOLE;
  const why = {
    forced: 'as the address asks',
    whole: `all of it fits ${lent}`,
    network: `what the network lacked most, as much as fits ${lent}`,
  }[isPart || plan.layersBy !== 'network' ? plan.layersBy : 'whole'];
  const together = isPart ? ` It answers together with peers that hold the rest. ${MEMORY_NOT_SPEED}` : '';
  return `${verb} ${held}${size}: ${why}.${together}`;
}

/** Why a part that is served brings no requests; null where the others hold the rest. */
export const lackingWords = (missing: readonly LayerRange[]): string | null =>
  missing.length === 0
    ? null
    : `Nobody serves ${gapWords(missing)} yet: requests come when somebody does. You may open another device for them.`;

/** What the tab does now, in one sentence; no requests is good news too. */
export function activityWords(snapshot: ContributorSnapshot, nowMs: number, holds: readonly Hold[] = []): string {
  if (snapshot.state === 'paused') {
    const why = holds.length === 0 ? '' : ` because ${holds.map((hold) => HOLD_WORDS[hold]).join(' and ')}`;
    return `Paused${why}. The model stays in memory; no new requests are taken.`;
  }
  if (!snapshot.relayConnected) return 'The relay is out of reach, so no requests can come. Reconnecting.';
  if (snapshot.requestsNow > 0) {
    return snapshot.requestsQueued > 0 ? `Answering, ${snapshot.requestsQueued} waiting.` : 'Answering.';
  }
  const since = snapshot.lastRequestMs ?? snapshot.sinceMs;
  return snapshot.lastRequestMs === null
    ? 'Serving and ready. No request has come yet.'
    : `Serving, no requests in the last ${formatEstimate(Math.max(1000, nowMs - since))}. Ready for the next.`;
}
