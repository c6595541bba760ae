import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ManifestHash } from '../ids.ts';
import { createWaitingLine } from './waiting-line.ts';
import type { Ticket, WaitingLine } from './waiting-line.ts';

const MODEL = 'a'.repeat(64) as ManifestHash;
const OTHER = 'b'.repeat(64) as ManifestHash;

let arrival = 0;
const join = (line: WaitingLine, client: string, manifest = MODEL): Ticket =>
  line.enter(manifest, { arrival: (arrival += 1), inMidAnswer: false, client });

/** Serves whoever is first until nobody waits. */
function serveAll(tickets: ReadonlyMap<string, Ticket>): string[] {
  const waiting = new Map(tickets);
  const served: string[] = [];
  while (waiting.size > 0) {
    const next = [...waiting].find(([, ticket]) => ticket.ahead() === 0);
    if (next === undefined) throw new Error('Nobody is first.');
    next[1].served();
    waiting.delete(next[0]);
    served.push(next[0]);
  }
  return served;
}

const joinAll = (line: WaitingLine, names: readonly string[]) =>
  new Map(names.map((name) => [name, join(line, name.slice(0, 1))]));

describe('the waiting line', () => {
  it('gives clients turns, and serves each in its own order', () => {
    const tickets = joinAll(createWaitingLine(), ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']);
    expect(tickets.get('a3')?.ahead()).toBe(5);
    expect(serveAll(tickets)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  it('puts a newcomer behind those whose turn has not come, and before the second turn of those who had one', () => {
    const line = createWaitingLine();
    const tickets = joinAll(line, ['a1', 'a2', 'b1', 'b2']);
    tickets.get('a1')?.served();
    tickets.delete('a1');
    tickets.set('c1', join(line, 'c'));
    expect(serveAll(tickets)).toEqual(['b1', 'a2', 'c1', 'b2']);
  });

  it('lets no stream of newcomers keep a client from its turn', () => {
    const line = createWaitingLine();
    const tickets = joinAll(line, ['a1', 'a2']);
    tickets.get('a1')?.served();
    const second = tickets.get('a2') as Ticket;
    for (let index = 0; index < 20; index += 1) join(line, `newcomer ${index}`);
    expect(second.ahead()).toBe(0);
  });

  it('keeps the turn of a client that gives one of its requests up', () => {
    const line = createWaitingLine();
    const tickets = joinAll(line, ['a1', 'b1', 'a2']);
    tickets.get('a1')?.leave();
    tickets.delete('a1');
    expect(serveAll(tickets)).toEqual(['a2', 'b1']);
    expect(line.length()).toBe(0);
  });

  it('serves requests in the middle of their answers first, by when they came, whoever asks', () => {
    const line = createWaitingLine({ capacity: 1 });
    const waiting = line.enter(MODEL, { arrival: 1, inMidAnswer: false, client: 'a' });
    const later = line.enter(MODEL, { arrival: 3, inMidAnswer: true, client: 'a' });
    const earlier = line.enter(MODEL, { arrival: 2, inMidAnswer: true, client: 'b' });
    expect([earlier.ahead(), later.ahead(), waiting.ahead()]).toEqual([0, 1, 2]);
  });

  it('keeps a line for each model', () => {
    const line = createWaitingLine();
    const here = join(line, 'a');
    const there = join(line, 'a', OTHER);
    expect([here.ahead(), here.waiting(), there.ahead(), there.waiting()]).toEqual([0, 1, 0, 1]);
    here.leave();
    expect([line.isEmpty(MODEL), line.isEmpty(OTHER)]).toEqual([true, false]);
  });

  it('takes the last place of the client with the most where it is full, and tells so', async () => {
    const line = createWaitingLine({ capacity: 3 });
    const tickets = joinAll(line, ['a1', 'a2', 'a3']);
    const { moved } = tickets.get('a3') as Ticket;
    expect(() => join(line, 'a')).toThrow('so is the queue');
    join(line, 'b');
    await moved;
    expect([...tickets.values()].map((ticket) => ticket.turnedAway())).toEqual([false, false, true]);
    // Two of one and one of another are as even as three places get.
    expect(() => join(line, 'b')).toThrow('so is the queue');
    join(line, 'c');
    expect(tickets.get('a2')?.turnedAway()).toBe(true);
    expect(() => join(line, 'd')).toThrow('so is the queue');
  });

  it('turns away nobody who left by itself', () => {
    const line = createWaitingLine();
    const [served, gone] = [join(line, 'a'), join(line, 'a')];
    served.served();
    gone.leave();
    gone.leave();
    expect([served.turnedAway(), gone.turnedAway()]).toEqual([false, false]);
  });

  it('never holds more than it may, has one first per model, and serves no client twice while another waits', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('join' as const), client: fc.constantFrom('a', 'b', 'c', 'd') }),
      fc.record({ kind: fc.constant('serve' as const) }),
      fc.record({ kind: fc.constant('leave' as const), index: fc.nat(20) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const line = createWaitingLine({ capacity: 8 });
        let waiting: { client: string; ticket: Ticket; passedBy: string[] }[] = [];
        for (const action of steps) {
          if (action.kind === 'join') {
            try {
              waiting.push({ client: action.client, ticket: join(line, action.client), passedBy: [] });
            } catch {
              // Full of clients that have no more than this one.
              expect(line.length()).toBe(8);
            }
          } else if (action.kind === 'leave') {
            waiting[action.index]?.ticket.leave();
            waiting = waiting.filter((_, index) => index !== action.index);
          } else {
            const first = waiting.find(({ ticket }) => !ticket.turnedAway() && ticket.ahead() === 0);
            first?.ticket.served();
            waiting = waiting.filter((one) => one !== first);
            if (first !== undefined) for (const { passedBy } of waiting) passedBy.push(first.client);
          }
          waiting = waiting.filter(({ ticket }) => !ticket.turnedAway());
          expect(line.length()).toBe(waiting.length);
          expect(waiting.map(({ ticket }) => ticket.ahead()).sort((a, b) => a - b)).toEqual(waiting.map((_, i) => i));
        }
        // Between two turns of a client, another that waited all the while had one: its oldest saw no client twice.
        const oldest = new Map<string, string[]>();
        for (const { client, passedBy } of waiting) if (!oldest.has(client)) oldest.set(client, passedBy);
        for (const [client, passedBy] of oldest) {
          const since = passedBy.slice(passedBy.lastIndexOf(client) + 1);
          expect(new Set(since).size).toBe(since.length);
        }
      }),
      { numRuns: 500 },
    );
  });
});
