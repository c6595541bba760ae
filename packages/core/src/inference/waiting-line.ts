import type { ManifestHash } from '../ids.ts';
import { MAX_WAITING_REQUESTS } from './constants.ts';
import { CapacityError } from './errors.ts';

/** One request's place in a line. */
export interface Ticket {
  /** Requests of the same model before this one; 0 means it is its turn to try. */
  ahead(): number;
  /** Requests of the same model that wait, this one among them. */
  waiting(): number;
  /** Whether the place went to a client with fewer requests in the line: this one must not wait any more. */
  turnedAway(): boolean;
  /** Resolves when the line moved or a place may have become free. */
  readonly moved: Promise<void>;
  /** Leaves because a peer has taken the request: its client's next turn comes after everyone else's. Idempotent. */
  served(): void;
  /** Gives the place up. Idempotent. */
  leave(): void;
}

export interface PlaceWanted {
  /** Counts the requests of this coordinator as they came: of one client, whoever came first goes first. */
  readonly arrival: number;
  readonly inMidAnswer: boolean;
  /** Who asks; requests that do not say so count as those of one client. */
  readonly client?: string | undefined;
}

/**
 * Requests that wait for a place on full peers. Per model, the clients that wait take turns, one request each, and
 * a newcomer's first turn comes after those that wait already; of one client's requests the first to come goes
 * first. However many one client sends, another waits for one of them at a time.
 */
export interface WaitingLine {
  /**
   * Joins the line; a request in the middle of its answer goes before the others and is never turned away. Where
   * the line is full, a client with fewer requests in it takes the last place of the one with the most.
   * @throws `capacity` where `MAX_WAITING_REQUESTS` wait already and nobody has more than this client.
   */
  enter(manifest: ManifestHash, wanted: PlaceWanted): Ticket;
  isEmpty(manifest: ManifestHash): boolean;
  /** Lets the first of every line look again. */
  wake(): void;
  length(): number;
}

interface Place {
  readonly arrival: number;
  readonly inMidAnswer: boolean;
  readonly client: string;
  readonly manifest: ManifestHash;
}

export function createWaitingLine({ capacity = MAX_WAITING_REQUESTS }: { capacity?: number } = {}): WaitingLine {
  /** By arrival. */
  const places: Place[] = [];
  /** Per model, the clients that wait, in the order of their turns. */
  const turns = new Map<ManifestHash, string[]>();
  let moved = Promise.withResolvers<void>();
  const wake = () => {
    moved.resolve();
    moved = Promise.withResolvers();
  };
  const inLine = (manifest: ManifestHash) => places.filter((place) => place.manifest === manifest);

  const remove = (place: Place): boolean => {
    const index = places.indexOf(place);
    if (index === -1) return false;
    places.splice(index, 1);
    const { client, manifest } = place;
    const rest = inLine(manifest);
    if (rest.length === 0) turns.delete(manifest);
    else if (!rest.some((other) => other.client === client)) removeFrom(turns.get(manifest) ?? [], client);
    wake();
    return true;
  };

  return {
    enter(manifest, { arrival, inMidAnswer, client = '' }) {
      if (!inMidAnswer && places.length >= capacity) {
        const greediest = lastOfGreediest(places, client);
        if (greediest === undefined) throw new CapacityError('Every peer is full, and so is the queue.');
        remove(greediest);
      }
      const place: Place = { arrival, inMidAnswer, client, manifest };
      const next = places.findIndex((other) => arrival < other.arrival);
      places.splice(next === -1 ? places.length : next, 0, place);
      const order = turns.get(manifest) ?? [];
      if (!order.includes(client)) order.push(client);
      turns.set(manifest, order);
      let left = false;
      return {
        ahead: () => Math.max(0, inTurn(inLine(manifest), turns.get(manifest) ?? []).indexOf(place)),
        waiting: () => inLine(manifest).length,
        turnedAway: () => !left && !places.includes(place),
        get moved() {
          return moved.promise;
        },
        served() {
          left = true;
          if (!remove(place) || inMidAnswer) return;
          const clients = turns.get(manifest) ?? [];
          if (removeFrom(clients, client)) clients.push(client);
        },
        leave() {
          left = true;
          remove(place);
        },
      };
    },
    isEmpty: (manifest) => places.every((place) => place.manifest !== manifest),
    wake,
    length: () => places.length,
  };
}

/** `waiting`, which is by arrival, in the order in which it is served: mid-answer first, then one of each client in turn. */
function inTurn(waiting: readonly Place[], clients: readonly string[]): Place[] {
  const begun = waiting.filter(({ inMidAnswer }) => inMidAnswer);
  const rounds = new Map<string, number>();
  const others = waiting
    .filter(({ inMidAnswer }) => !inMidAnswer)
    .map((place) => {
      const round = rounds.get(place.client) ?? 0;
      rounds.set(place.client, round + 1);
      return { place, round, turn: clients.indexOf(place.client) };
    })
    .sort((a, b) => a.round - b.round || a.turn - b.turn);
  return [...begun, ...others.map(({ place }) => place)];
}

/** The last place of the client with the most of them, if that has at least two more than `newcomer`. */
function lastOfGreediest(places: readonly Place[], newcomer: string): Place | undefined {
  const counts = new Map<string, { count: number; last: Place }>();
  for (const place of places) {
    if (place.inMidAnswer) continue;
    counts.set(place.client, { count: (counts.get(place.client)?.count ?? 0) + 1, last: place });
  }
  const own = counts.get(newcomer)?.count ?? 0;
  let most = { count: own + 1, last: undefined as Place | undefined };
  for (const candidate of counts.values()) if (candidate.count > most.count) most = candidate;
  return most.last;
}

/** Whether it was there. */
function removeFrom(clients: string[], client: string): boolean {
  const index = clients.indexOf(client);
  if (index !== -1) clients.splice(index, 1);
  return index !== -1;
}
