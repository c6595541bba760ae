import { MEGABIT_BYTES, formatByteRate, formatBytes, formatBytesOf, formatPlural } from '../../format/numbers.ts';
import type { CatalogEntry, HeldModel, WireError } from '@opengateway/core';
import type { StorageProbe } from '@opengateway/gpu-worker';
import type { Persistence } from '../../state/persistence.ts';
import type { GivenWeights } from '../../state/upload-state.ts';

/** Beside how much was given to others: `to 3 peers, now 1.2 MB/s`. */
export function givenWords({ bytes, peers, bytesPerSecond }: GivenWeights): string {
  if (bytes === 0) return 'to no peer yet';
  const now = bytesPerSecond > 0 ? `, now ${formatByteRate(bytesPerSecond)}` : '';
  return `to ${formatPlural(peers, 'peer')}${now}`;
}

/** What holds giving back: `at most 17 Mbit/s, all peers together`. */
export const uploadLimitWords = (gives: boolean, bytesPerSecond: number): string =>
  gives ? `at most ${Math.round(bytesPerSecond / MEGABIT_BYTES)} Mbit/s, all peers together` : 'off, by your limits';

/** `98 MB of the 2.0 GB you lend; the browser allows 6.4 GB`. */
export function storedWords(storedBytes: number, pledgeBytes: number | null, storage: StorageProbe | null): string {
  const lent = pledgeBytes === null ? '' : ` of the ${formatBytes(pledgeBytes)} you lend`;
  const allowed =
    storage === null
      ? 'the browser does not say how much it allows'
      : `the browser allows this site ${formatBytes(storage.quotaBytes)}`;
  return `${formatBytes(storedBytes)}${lent}; ${allowed}`;
}

/** Whether the weights stay, as far as the browser says; `persisted`: what it told when it was looked at. */
export function keptWords(answer: Persistence, persisted: boolean | null): string {
  if (answer === 'granted' || persisted === true) return 'until you forget them: the browser agreed to keep them';
  switch (answer) {
    case 'refused':
      return 'until the browser needs the room: it was asked to keep them and refused';
    case 'unavailable':
      return 'until the browser needs the room: it does not offer to keep them';
    case 'asking':
      return 'the browser is being asked to keep them';
    case 'unasked':
      return 'until the browser needs the room: it is asked to keep them when lending starts';
    default:
      return answer satisfies never;
  }
}

/** Why weights are not kept, and what next. */
export function notKeptWords({ code, message }: WireError): string {
  switch (code) {
    case 'storage_full':
      return `${message} You can lend more storage, clear room on this device, or choose a smaller model.`;
    case 'stored_chunks_lost':
      return message;
    default:
      return `${message} It goes on without; what is fetched is fetched again at the next start.`;
  }
}

/** Bytes of weights that could be kept here, as far as is known. */
export const roomBytes = (pledgeBytes: number | null, storage: StorageProbe | null): number =>
  Math.min(
    pledgeBytes ?? Number.POSITIVE_INFINITY,
    storage === null ? Number.POSITIVE_INFINITY : Math.max(0, storage.quotaBytes - storage.usedBytes),
  );

/** The largest of `models` (the largest first) that is smaller than `model` and may be held as a whole. */
export const smallerModel = (
  { bytes }: Pick<CatalogEntry, 'bytes'>,
  models: readonly CatalogEntry[],
  fits: (entry: CatalogEntry) => boolean,
): CatalogEntry | null => models.find((entry) => entry.bytes < bytes && fits(entry)) ?? null;

/** `Fetching: 34 of 98 MB`, `On disk, loaded when asked for`, `In memory`. */
export function heldModelWords({ state, doneBytes, totalBytes, error }: HeldModel): string {
  if (error !== null) return `Not held: ${error.message}`;
  switch (state) {
    case 'fetching':
      return `Fetching: ${formatBytesOf(doneBytes, totalBytes)}`;
    case 'disk':
      return `On disk, ${formatBytes(totalBytes)}: loaded when it is asked for`;
    case 'memory':
      return `In memory, ${formatBytes(totalBytes)}`;
    default:
      return state satisfies never;
  }
}
