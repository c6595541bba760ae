import { shortPeer } from '../../format/names.ts';
import { formatClock } from '../../format/time.ts';
import type { TimelineEvent } from '../../state/timeline.ts';

const WORDS: Readonly<Record<TimelineEvent['type'], string>> = {
  found: 'is here',
  join: 'joined',
  leave: 'left',
  pause: 'paused',
  resume: 'resumed',
  'relay-lost': 'The link to the relay was lost',
  'relay-back': 'The link to the relay is back',
};

/** What happened while this page looked on, latest first. */
export function TimelineList({ events }: { events: readonly TimelineEvent[] }) {
  if (events.length === 0) return <p class="soft">Nothing has happened since you opened this page.</p>;
  return (
    <ol class="timeline" role="list">
      {events.map((event, index) => (
        <li key={`${event.atMs}:${event.type}:${event.peer ?? ''}:${events.length - index}`} data-type={event.type}>
          <time class="soft" dateTime={new Date(event.atMs).toISOString()}>
            {formatClock(event.atMs)}
          </time>
          <span>
            {event.peer !== null && <span class="mono">{shortPeer(event.peer)} </span>}
            {WORDS[event.type]}
            {event.detail !== '' && <span class="soft">, {event.detail}</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}
