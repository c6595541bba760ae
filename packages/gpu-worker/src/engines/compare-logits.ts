export interface LogitsComparison {
  readonly positions: number;
  /** Mean and largest KL(reference || candidate) over the positions, in nats. */
  readonly meanKl: number;
  readonly maxKl: number;
  /** Share of positions whose most likely token is the same, 0 to 1. */
  readonly topAgreement: number;
}

/** Compares logits `[positions, vocabularySize]` of two engines on the same input. */
export function compareLogits(
  reference: Float32Array,
  candidate: Float32Array,
  vocabularySize: number,
): LogitsComparison {
  const positions = reference.length / vocabularySize;
  if (reference.length !== candidate.length || !Number.isInteger(positions)) {
    throw new RangeError(`${reference.length} and ${candidate.length} logits over ${vocabularySize} tokens.`);
  }
  let sum = 0;
  let maxKl = 0;
  let agreed = 0;
  for (let start = 0; start < reference.length; start += vocabularySize) {
    const left = reference.subarray(start, start + vocabularySize);
    const right = candidate.subarray(start, start + vocabularySize);
    const kl = klDivergence(left, right);
    sum += kl;
    maxKl = Math.max(maxKl, kl);
    if (topToken(left) === topToken(right)) agreed++;
  }
  return { positions, meanKl: sum / positions, maxKl, topAgreement: agreed / positions };
}

/** KL(softmax(reference) || softmax(candidate)) in nats. */
export function klDivergence(reference: Float32Array, candidate: Float32Array): number {
  const referenceTotal = logSumExp(reference);
  const candidateTotal = logSumExp(candidate);
  let sum = 0;
  for (let token = 0; token < reference.length; token++) {
    const logProbability = reference[token]! - referenceTotal;
    sum += Math.exp(logProbability) * (logProbability - (candidate[token]! - candidateTotal));
  }
  return sum;
}

/** Least and mean cosine of the rows of two matrices `[rows, columns]`. */
export function cosineSimilarity(
  left: Float32Array,
  right: Float32Array,
  columns: number,
): { readonly least: number; readonly mean: number } {
  let least = Infinity;
  let sum = 0;
  for (let start = 0; start < left.length; start += columns) {
    let product = 0;
    let leftSquares = 0;
    let rightSquares = 0;
    for (let i = start; i < start + columns; i++) {
      product += left[i]! * right[i]!;
      leftSquares += left[i]! ** 2;
      rightSquares += right[i]! ** 2;
    }
    const cosine = product / Math.sqrt(leftSquares * rightSquares);
    least = Math.min(least, cosine);
    sum += cosine;
  }
  return { least, mean: (sum * columns) / left.length };
}

/** The most likely token; the lowest id of equals. */
export function topToken(logits: Float32Array): number {
  let best = 0;
  for (let token = 1; token < logits.length; token++) if (logits[token]! > logits[best]!) best = token;
  return best;
}

function logSumExp(logits: Float32Array): number {
  const highest = logits[topToken(logits)]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  return highest + Math.log(sum);
}
