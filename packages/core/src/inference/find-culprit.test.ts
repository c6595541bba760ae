import { describe, expect, it } from 'vitest';
import { findCulprit, findStalled } from './find-culprit.ts';

describe('whom a chain goes on without', () => {
  it('is whom the coordinator lost itself, whatever the neighbours say', () => {
    const said = [
      { kind: 'next', stage: 0 },
      { kind: 'previous', stage: 2 },
      { kind: 'lost', stage: 1 },
    ] as const;
    expect(findCulprit(said, 3)).toEqual({ stage: 1 });
  });

  it('is the one that both of its neighbours miss', () => {
    const said = [
      { kind: 'previous', stage: 0 },
      { kind: 'next', stage: 1 },
    ] as const;
    expect(findCulprit(said, 3)).toMatchObject({ stage: 2, hop: { from: 2, to: 0 } });
  });

  it('is who sent a damaged frame, though the one that found it is missed by its neighbours', () => {
    const said = [
      { kind: 'previous', stage: 2 },
      { kind: 'damaged', stage: 1 },
      { kind: 'next', stage: 0 },
    ] as const;
    expect(findCulprit(said, 3)).toEqual({ stage: 0, hop: { from: 0, to: 1 }, accuser: 1 });
  });

  it('is the first accused where one word stands against another', () => {
    const said = [
      { kind: 'next', stage: 0 },
      { kind: 'previous', stage: 1 },
    ] as const;
    expect(findCulprit(said, 2)).toEqual({ stage: 1, hop: { from: 0, to: 1 }, accuser: 0 });
  });

  it('is, where all live and nothing moves, the first that owes what it was given', () => {
    expect(findStalled([9, 9, 7, 7])).toEqual({ stage: 2, hop: { from: 1, to: 2 }, accuser: 1 });
    expect(findStalled([9, 9, 9])).toEqual({ stage: 0, hop: { from: 2, to: 0 }, accuser: 2 });
    expect(findStalled([0])).toEqual({ stage: 0 });
  });
});
