import type { ManifestHash } from '../ids.ts';
import { MAX_WAITING_REQUESTS } from './constants.ts';
import { CapacityError } from './errors.ts';

/** One request's place in a line. */
export interface Ticket {
  /** Requests of the same model before this one; 0 means it is its turn to try. */
  ahead(): number;
  /** Requests of the same model that wait, this one among them. */
  waiting(): number;
  /** Resolves when the line moved or a place may have become free. */
  readonly moved: Promise<void>;
  /** Gives the place up. Idempotent. */
  leave(): void;
}

export interface PlaceWanted {
  /** Counts the requests of this coordinator as they came: whoever came first goes first, whenever it joins. */
  readonly arrival: number;
  readonly inMidAnswer: boolean;
}

/** Requests that wait for a place on full peers, first come, first served per model. */
export interface WaitingLine {
  /**
   * Joins the line; a request in the middle of its answer goes before the others and is never turned away.
   * @throws `capacity` where `MAX_WAITING_REQUESTS` wait already.
   */
  enter(manifest: ManifestHash, wanted: PlaceWanted): Ticket;
  isEmpty(manifest: ManifestHash): boolean;
  /** Lets the first of every line look again. */
  wake(): void;
  length(): number;
}

export function createWaitingLine({ capacity = MAX_WAITING_REQUESTS }: { capacity?: number } = {}): WaitingLine {
  const tickets: (PlaceWanted & { readonly manifest: ManifestHash })[] = [];
  let moved = Promise.withResolvers<void>();
  const wake = () => {
    moved.resolve();
    moved = Promise.withResolvers();
  };
  return {
    enter(manifest, wanted) {
      const place = { ...wanted, manifest };
      if (!wanted.inMidAnswer && tickets.length >= capacity) {
        throw new CapacityError('Every peer is full, and so is the queue.');
      }
      const next = tickets.findIndex((other) => goesBefore(place, other));
      tickets.splice(next === -1 ? tickets.length : next, 0, place);
      const ofSameModel = () => tickets.filter((other) => other.manifest === manifest);
      return {
        ahead: () => Math.max(0, ofSameModel().indexOf(place)),
        waiting: () => ofSameModel().length,
        get moved() {
          return moved.promise;
        },
        leave() {
          const index = tickets.indexOf(place);
          if (index === -1) return;
          tickets.splice(index, 1);
          wake();
        },
      };
    },
    isEmpty: (manifest) => tickets.every((place) => place.manifest !== manifest),
    wake,
    length: () => tickets.length,
  };
}

const goesBefore = (a: PlaceWanted, b: PlaceWanted): boolean =>
  a.inMidAnswer === b.inMidAnswer ? a.arrival < b.arrival : a.inMidAnswer;
