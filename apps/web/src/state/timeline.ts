import { MAX_TIMELINE_EVENTS } from '../constants.ts';
import type { PeerRow } from './peer-rows.ts';

/** Something that happened in the region while this page looked on. */
export interface TimelineEvent {
  readonly atMs: number;
  readonly type: 'found' | 'join' | 'leave' | 'pause' | 'resume' | 'relay-lost' | 'relay-back';
  readonly peer: string | null;
  readonly detail: string;
}

/**
 * What changed between two looks at the peers. While this tab still listens for who is there
 * (`listening`), a new name is a peer found, not one that joins.
 */
export function diffPeers(
  before: readonly PeerRow[],
  after: readonly PeerRow[],
  { atMs, listening }: { atMs: number; listening: boolean },
): TimelineEvent[] {
  const known = new Map(before.map((row) => [row.peer, row]));
  const events: TimelineEvent[] = [];
  for (const row of after) {
    const old = known.get(row.peer);
    known.delete(row.peer);
    if (!old)
      events.push({
        atMs,
        type: listening ? 'found' : 'join',
        peer: row.peer,
        detail: row.models.join(', ') || 'nothing served yet',
      });
    else if (old.state === 'serving' && row.state === 'paused') {
      events.push({ atMs, type: 'pause', peer: row.peer, detail: 'takes no new requests' });
    } else if (old.state === 'paused' && row.state === 'serving') {
      events.push({ atMs, type: 'resume', peer: row.peer, detail: row.models.join(', ') });
    }
  }
  for (const row of known.values()) events.push({ atMs, type: 'leave', peer: row.peer, detail: row.models.join(', ') });
  return events;
}

/** Latest first, never more than `MAX_TIMELINE_EVENTS`. */
export const appendTimeline = (
  timeline: readonly TimelineEvent[],
  events: readonly TimelineEvent[],
): readonly TimelineEvent[] =>
  events.length === 0 ? timeline : [...events.toReversed(), ...timeline].slice(0, MAX_TIMELINE_EVENTS);
