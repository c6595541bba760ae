import { PROGRESS_LINE_INTERVAL_MS } from './constants.ts';
import type { Contributor, ContributorSnapshot, HeldModel } from '@opengateway/core';
import type { Log } from './log.ts';

/** Turns a contributor's snapshots into lines: one per state, a few per load, one per answered request. */
export function followContributor(contributor: Contributor, log: Log, now: () => number): () => void {
  let last = contributor.snapshot();
  let lastProgressMs = Number.NEGATIVE_INFINITY;
  return contributor.subscribe((snapshot) => {
    const before = last;
    last = snapshot;
    if (snapshot.relayConnected !== before.relayConnected) {
      log({ event: 'relay-link', connected: snapshot.relayConnected });
    }
    if (snapshot.state !== before.state) log(stateEvent(snapshot, now()));
    if (snapshot.loading !== null && snapshot.loading !== before.loading) {
      const { doneBytes, totalBytes, fetchedBytes, fromPeersBytes, peers } = snapshot.loading;
      const nowMs = now();
      if (doneBytes > 0 && (nowMs - lastProgressMs >= PROGRESS_LINE_INTERVAL_MS || doneBytes === totalBytes)) {
        lastProgressMs = nowMs;
        log({ event: 'progress', doneBytes, totalBytes, fetchedBytes, fromPeersBytes, peers });
      }
    }
    const failure = snapshot.loading?.storeFailure;
    if (failure !== undefined && failure.message !== before.loading?.storeFailure?.message) {
      log({ event: 'storage', error: failure });
    }
    for (const event of changedModels(before, snapshot)) log(event);
    if (snapshot.requestsServed > before.requestsServed) {
      log({ event: 'served', requests: snapshot.requestsServed, tokens: snapshot.tokensServed });
    }
  });
}

/** Of several models those that went from one place to another, or failed. */
function changedModels(before: ContributorSnapshot, { held }: ContributorSnapshot) {
  if (held.length < 2) return [];
  const said = new Map(before.held.map((model) => [model.entry.manifest, describePlace(model)]));
  return held.flatMap((model) => {
    const place = describePlace(model);
    if (place === undefined || place === said.get(model.entry.manifest)) return [];
    return [{ event: 'model', model: model.entry.id, state: model.state, error: model.error } as const];
  });
}

/** Undefined while there is nothing to say. */
function describePlace({ state, doneBytes, error }: HeldModel): string | undefined {
  if (state === 'fetching' && error === null && doneBytes === 0) return undefined;
  return `${state} ${error?.message}`;
}

const stateEvent = (snapshot: ContributorSnapshot, nowMs: number) =>
  ({
    event: 'state',
    state: snapshot.state,
    model: snapshot.model?.id ?? null,
    engine: snapshot.engine,
    variant: snapshot.variant,
    decodeTokensPerSecond: Math.round(snapshot.decodeTokensPerSecond * 10) / 10,
    prefillTokensPerSecond: Math.round(snapshot.prefillTokensPerSecond * 10) / 10,
    error: snapshot.error,
    restartMs: typeof snapshot.recovery?.nextAtMs === 'number' ? Math.max(0, snapshot.recovery.nextAtMs - nowMs) : null,
  }) as const;
