import type { Clock } from '../clock.ts';
import type { ManifestHash, PeerName } from '../ids.ts';
import type { ServedModel } from '../membership/advert.ts';
import type { PeerRegistry } from '../membership/peer-view.ts';
import { MAX_CAPACITY_WAIT_MS, REROUTE_WAIT_MS } from './constants.ts';
import type { Coordinator } from './coordinator-types.ts';
import type { Generator } from './generator.ts';
import type { StructuredLogger } from './logger.ts';
import { createPeerPenalties } from './peer-penalties.ts';
import { RequestRun } from './request-run.ts';
import { createSessionLedger } from './session-ledger.ts';
import type { OpenSession, SessionRequest, StageSession } from './stage-session.ts';
import type { HiddenFormat } from './layer-runner.ts';
import { createBrokenWays } from './broken-ways.ts';
import { createExcuses } from './excuses.ts';
import { createHopTimes } from './hop-times.ts';
import { createWaitingLine } from './waiting-line.ts';

/** What this device can answer itself, with no network in between. */
export interface LocalStage {
  readonly peer: PeerName;
  readonly generator: Generator;
  /** What it serves of a model now; undefined where it does not. */
  served(manifest: ManifestHash): ServedModel | undefined;
  /** Opens a session on this device's own part of a model. @default parts of this device are not used */
  readonly openPart?:
    | ((request: SessionRequest, options: { signal: AbortSignal }) => Promise<StageSession>)
    | undefined;
}

export interface CoordinatorComponents {
  readonly registry: PeerRegistry;
  readonly openSession: OpenSession;
  /** Round trip of the open connection to a peer; undefined where there is none. */
  rttMs(peer: PeerName): number | undefined;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  readonly logger?: StructuredLogger | undefined;
  readonly local?: LocalStage | undefined;
}

export interface CoordinatorInit {
  /** @default MAX_WAITING_REQUESTS */
  readonly maxWaitingRequests?: number;
  /** @default MAX_CAPACITY_WAIT_MS */
  readonly capacityWaitMs?: number;
  /** @default REROUTE_WAIT_MS */
  readonly rerouteWaitMs?: number;
  /** Of the hidden states between the stages of a chain. @default 'f16' */
  readonly hiddenFormat?: HiddenFormat;
}

export interface CoordinatorStats {
  /** Sessions open on peers and on this device now. */
  readonly running: number;
  /** Requests waiting for a place. */
  readonly waiting: number;
  /** Sessions lost since the start. */
  readonly failovers: number;
}

export interface MeasuredCoordinator extends Coordinator {
  stats(): CoordinatorStats;
}

/**
 * Plans a route for each request, runs it and carries on elsewhere when a peer is lost.
 *
 * @example
 * const coordinator = createCoordinator({ registry, openSession, rttMs, clock: systemClock, random: Math.random });
 * for await (const event of coordinator.run(request, { signal })) if (event.type === 'token') use(event.token);
 */
export function createCoordinator(components: CoordinatorComponents, init: CoordinatorInit = {}): MeasuredCoordinator {
  const { clock, random, registry } = components;
  const ledger = createSessionLedger({ clock });
  const penalties = createPeerPenalties({ clock });
  const brokenWays = createBrokenWays({ clock });
  const excuses = createExcuses({ clock });
  const line = createWaitingLine(init.maxWaitingRequests === undefined ? {} : { capacity: init.maxWaitingRequests });
  registry.subscribe(() => line.wake());
  const sessionPrefix = Math.floor(random() * 2 ** 52).toString(36);
  let sessions = 0;
  let arrivals = 0;
  let failovers = 0;

  const shared = {
    components,
    ledger,
    penalties,
    brokenWays,
    excuses,
    hopTimes: createHopTimes({ clock }),
    hiddenFormat: init.hiddenFormat ?? 'f16',
    line,
    capacityWaitMs: init.capacityWaitMs ?? MAX_CAPACITY_WAIT_MS,
    rerouteWaitMs: init.rerouteWaitMs ?? REROUTE_WAIT_MS,
    nextSession: () => `${sessionPrefix}-${(sessions += 1)}`,
    nextArrival: () => (arrivals += 1),
    onFailover: () => {
      failovers += 1;
    },
  };
  return {
    run: (request, { signal }) => new RequestRun(shared, request, signal).events(),
    stats: () => ({ running: ledger.open(), waiting: line.length(), failovers }),
  };
}
