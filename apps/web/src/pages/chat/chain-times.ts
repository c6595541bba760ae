import { writingRate } from './words.ts';
import type { AnswerReport } from '../../storage/schema.ts';

/** What a token of an answer took, where a chain made it and this tab coordinated. */
export interface ChainTimes {
  /** Computing one token, by stage, as the stages say; null where one did not. */
  readonly computeMs: readonly (number | null)[];
  /** All of these together; null unless every stage said so. */
  readonly totalComputeMs: number | null;
  /** From one token to the next on this page; null where there were too few. */
  readonly measuredMs: number | null;
}

export function chainTimes(report: AnswerReport): ChainTimes {
  const computeMs = report.stages.map(({ peer }) => {
    const said = report.reports?.find((each) => each.peer === peer);
    return said === undefined || said.decodeSteps === 0 ? null : said.decodeMs / said.decodeSteps;
  });
  const rate = writingRate(report);
  return {
    computeMs,
    totalComputeMs: computeMs.reduce<number | null>((sum, ms) => (sum === null || ms === null ? null : sum + ms), 0),
    measuredMs: rate === null ? null : 1000 / rate,
  };
}
