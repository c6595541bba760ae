import type { ContributorSnapshot, ContributorState, LoadingProgress } from '@opengateway/core';
import { formatByteRate, formatBytes, formatBytesOf, formatPlural, formatRate } from '../format/numbers.ts';
import { formatEstimate } from '../format/time.ts';
import type { LayersBy } from './lending-plan.ts';

export type StepName = 'device' | 'region' | 'weights' | 'self-test' | 'serving';

/** One step on the way from the press of the button to serving. */
export interface Step {
  readonly name: StepName;
  readonly title: string;
  readonly status: 'waiting' | 'active' | 'done' | 'failed';
  readonly detail: string;
  /** Where what is fetched comes from; absent in other steps. */
  readonly sources?: string;
  /** In [0, 1] where known. */
  readonly progress: number | null;
  /** How long it took, or has taken so far; null before it began. */
  readonly elapsedMs: number | null;
}

/** When the tab began to join and each state was entered, in this run; milliseconds since the epoch. */
export interface RunTimes {
  readonly entered: Partial<Record<ContributorState, number>>;
  readonly joinStartMs: number | null;
  readonly joinedMs: number | null;
  /** The last that was known of the weights: a serving contributor no longer tells. */
  readonly weights: LoadingProgress | null;
}

const HEARING = 'Hearing which layers others hold, up to 11 s';

const ORDER: readonly ContributorState[] = ['probing', 'loading', 'self-test', 'serving'];

/** The vertical line of steps for a snapshot. `layersBy`: whether it must hear the others before it fetches. */
export function contributeSteps(
  snapshot: ContributorSnapshot,
  times: RunTimes,
  nowMs: number,
  layersBy: LayersBy = 'whole',
): Step[] {
  const reached = furthest(snapshot, times);
  const failed = snapshot.state === 'error';
  const status = (index: number): Step['status'] => {
    if (index < reached) return 'done';
    if (index > reached) return 'waiting';
    if (failed) return 'failed';
    return snapshot.state === 'serving' || snapshot.state === 'paused' ? 'done' : 'active';
  };
  const span = (from: ContributorState, index: number): number | null => {
    const start = times.entered[from];
    if (start === undefined) return null;
    const next = ORDER.slice(index + 1).map((state) => times.entered[state]);
    const end = next.find((time) => time !== undefined) ?? (failed ? snapshot.sinceMs : nowMs);
    return end - start;
  };
  const joined = times.joinedMs !== null;
  const hears = layersBy === 'network' && snapshot.layers === null;
  return [
    {
      name: 'region',
      title: 'Join the region',
      status: joined ? 'done' : failed ? 'failed' : 'active',
      detail: joined ? regionDetail(snapshot) : 'Connecting to the relay',
      progress: null,
      elapsedMs: times.joinStartMs === null ? null : (times.joinedMs ?? nowMs) - times.joinStartMs,
    },
    {
      name: 'device',
      title: 'Check this device',
      status: joined ? status(0) : 'waiting',
      detail: status(0) === 'done' && joined ? engineDetail(snapshot) : '',
      progress: null,
      elapsedMs: span('probing', 0),
    },
    {
      name: 'weights',
      title: hears ? 'Choose layers, fetch weights' : 'Fetch weights',
      status: status(1),
      detail: status(1) === 'active' && hears ? HEARING : weightsDetail(snapshot, times, status(1)),
      ...(status(1) === 'active' && snapshot.loading !== null && !hears
        ? { sources: sourceWords(snapshot.loading) }
        : {}),
      progress: status(1) === 'active' && !hears ? loadedShare(snapshot) : null,
      elapsedMs: span('loading', 1),
    },
    {
      name: 'self-test',
      title: 'Self-test',
      status: status(2),
      detail: selfTestDetail(snapshot, status(2)),
      progress: null,
      elapsedMs: span('self-test', 2),
    },
    {
      name: 'serving',
      title: 'Serving',
      status: status(3),
      detail:
        status(3) === 'done'
          ? snapshot.state === 'paused'
            ? 'Paused: no new requests'
            : 'Announced to the region'
          : '',
      progress: null,
      elapsedMs:
        times.entered.serving === undefined ? null : (failed ? snapshot.sinceMs : nowMs) - times.entered.serving,
    },
  ];
}

/** `34 of 98 MB, 3.2 MB/s, about 20 s left`; says so when the bytes come from this browser's own store. */
export function describeLoading({ loading }: Pick<ContributorSnapshot, 'loading'>): string {
  if (loading === null || loading.totalBytes === 0) return '';
  const { doneBytes, totalBytes, fetchedBytes, bytesPerSecond } = loading;
  const amount = formatBytesOf(doneBytes, totalBytes);
  if (doneBytes >= totalBytes) return `${amount}, laying out in memory`;
  const from = doneBytes > 0 && fetchedBytes === 0 ? ' from this browser’s store' : '';
  if (bytesPerSecond <= 0) return `${amount}${from}`;
  const left = ((totalBytes - doneBytes) / bytesPerSecond) * 1000;
  return `${amount}${from}, ${formatByteRate(bytesPerSecond)}, about ${formatEstimate(left)} left`;
}

/** `From 3 peers 30 MB, from the server 4.0 MB`; nothing while nothing was fetched. */
export function sourceWords({ fetchedBytes, fromPeersBytes, fromServerBytes, peers }: LoadingProgress): string {
  if (peers === 0 && fromPeersBytes === 0) {
    return fetchedBytes === 0 ? '' : `From the server ${formatBytes(fromServerBytes)}; no peer has it yet`;
  }
  return `From ${formatPlural(peers, 'peer')} ${formatBytes(fromPeersBytes)}, from the server ${formatBytes(fromServerBytes)}`;
}

/** Index in ORDER of the step the snapshot is at. */
function furthest(snapshot: ContributorSnapshot, times: RunTimes): number {
  if (snapshot.state === 'paused') return ORDER.indexOf('serving');
  if (snapshot.state !== 'error') return ORDER.indexOf(snapshot.state);
  return ORDER.findLastIndex((state) => times.entered[state] !== undefined);
}

const loadedShare = ({ loading }: ContributorSnapshot): number | null =>
  loading === null || loading.totalBytes === 0 ? null : loading.doneBytes / loading.totalBytes;

const regionDetail = (snapshot: ContributorSnapshot): string =>
  snapshot.relayConnected ? 'Connected to the relay' : 'The relay is out of reach; reconnecting';

const engineDetail = ({ engine, variant }: ContributorSnapshot): string =>
  engine === null ? '' : `Engine ${engine}${variant === null ? '' : `, ${variant}`}`;

function weightsDetail({ loading }: ContributorSnapshot, { weights }: RunTimes, status: Step['status']): string {
  if (status === 'active') return describeLoading({ loading });
  if (status !== 'done' || weights === null) return '';
  const { totalBytes, fetchedBytes, fromPeersBytes, fromServerBytes } = weights;
  const parts = [
    ...(fromPeersBytes > 0 ? [`${formatBytes(fromPeersBytes)} from peers`] : []),
    ...(fromServerBytes > 0 ? [`${formatBytes(fromServerBytes)} from the server`] : []),
  ];
  const fetched = fetchedBytes === 0 ? 'nothing fetched, all was stored here' : parts.join(', ');
  return `${formatBytes(totalBytes)}, every chunk’s sha256 checked; ${fetched}`;
}

function selfTestDetail(snapshot: ContributorSnapshot, status: Step['status']): string {
  if (status === 'active') return 'Measuring how fast this device answers';
  if (status !== 'done') return '';
  return `${formatRate(snapshot.decodeTokensPerSecond)} tokens/s writing, ${formatRate(snapshot.prefillTokensPerSecond)} tokens/s reading (measured)`;
}
