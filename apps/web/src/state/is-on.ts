import type { ContributorSnapshot } from '@opengateway/core';

/** Waiting to start again after a failure. */
export const isRestarting = ({ state, recovery }: ContributorSnapshot): boolean =>
  state === 'error' && typeof recovery?.nextAtMs === 'number';

/** Lending, on the way to it, or on the way back to it. */
export const isOn = (snapshot: ContributorSnapshot): boolean =>
  isRestarting(snapshot) || (snapshot.state !== 'idle' && snapshot.state !== 'error');
