import type { ManifestHash } from '../ids.ts';
import { MAX_WAITING_REQUESTS } from './constants.ts';
import { CapacityError } from './errors.ts';

/** One request's place in a line. */
export interface Ticket {
  /** Requests of the same model before this one; 0 means it is its turn to try. */
  ahead(): number;
  /** Resolves when the line moved or a place may have become free. */
  readonly moved: Promise<void>;
  /** Gives the place up. Idempotent. */
  leave(): void;
}

/** Requests that wait for a place on full peers, first come, first served per model. */
export interface WaitingLine {
  /**
   * Joins the line; a request in the middle of its answer goes to the front and is never turned away.
   * @throws `capacity` where `MAX_WAITING_REQUESTS` wait already.
   */
  enter(manifest: ManifestHash, options: { inMidAnswer: boolean }): Ticket;
  isEmpty(manifest: ManifestHash): boolean;
  /** Lets the first of every line look again. */
  wake(): void;
  length(): number;
}

export function createWaitingLine({ capacity = MAX_WAITING_REQUESTS }: { capacity?: number } = {}): WaitingLine {
  const tickets: { readonly manifest: ManifestHash }[] = [];
  let moved = Promise.withResolvers<void>();
  const wake = () => {
    moved.resolve();
    moved = Promise.withResolvers();
  };
  return {
    enter(manifest, { inMidAnswer }) {
      const place = { manifest };
      if (inMidAnswer) tickets.unshift(place);
      else if (tickets.length < capacity) tickets.push(place);
      else throw new CapacityError('Every peer is full, and so is the queue.');
      return {
        ahead: () => tickets.slice(0, tickets.indexOf(place)).filter((other) => other.manifest === manifest).length,
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
