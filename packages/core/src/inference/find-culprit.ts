/** How a stage of a chain was found wanting: by its own session, or by the word of a neighbour. */
export type Complaint =
  | { readonly kind: 'lost'; readonly stage: number }
  /** `damaged`: what the stage before sent was. */
  | { readonly kind: 'next' | 'previous' | 'damaged'; readonly stage: number };

export interface Culprit {
  readonly stage: number;
  /** The way between two stages that broke; undefined where the stage itself was lost. */
  readonly hop?: { readonly from: number; readonly to: number };
  /** Who says so, or whose count does, where it is only said. */
  readonly accuser?: number;
}

/**
 * Which of `stageCount` stages to go on without. What the coordinator sees itself counts before what stages say
 * of each other; a damaged frame before ways that were lost, since who finds one ends its own ways too; among
 * accused the most often, then the first accused.
 */
export function findCulprit(complaints: readonly Complaint[], stageCount: number): Culprit {
  const lost = complaints.find(({ kind }) => kind === 'lost');
  if (lost !== undefined) return { stage: lost.stage };
  const accusations = complaints.map(({ kind, stage }) => {
    const accused = (stage + (kind === 'next' ? 1 : stageCount - 1)) % stageCount;
    const hop = kind === 'next' ? { from: stage, to: accused } : { from: accused, to: stage };
    return { stage: accused, hop, accuser: stage };
  });
  const damaged = accusations[complaints.findIndex(({ kind }) => kind === 'damaged')];
  if (damaged !== undefined) return damaged;
  const votes = (stage: number) =>
    new Set(accusations.filter((one) => one.stage === stage).map((one) => one.accuser)).size;
  const [first, ...others] = accusations;
  if (first === undefined) throw new RangeError('Nobody complained.');
  return others.reduce((most, next) => (votes(next.stage) > votes(most.stage) ? next : most), first);
}

/**
 * The stage that holds up a chain in which every stage lives: the first that has computed less than what the
 * stage before says to have given it; the first of all where none has, since the last one's token is what it waits
 * for. The stage before may have sent nothing: it is named as the accuser.
 *
 * @param done positions computed, by stage, as each says
 */
export function findStalled(done: readonly number[]): Culprit {
  for (let stage = 1; stage < done.length; stage++) {
    if ((done[stage] ?? 0) < (done[stage - 1] ?? 0))
      return { stage, hop: { from: stage - 1, to: stage }, accuser: stage - 1 };
  }
  const last = done.length - 1;
  return last > 0 ? { stage: 0, hop: { from: last, to: 0 }, accuser: last } : { stage: 0 };
}
