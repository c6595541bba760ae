/** SVG paths of a line and the area under it, right-aligned; null with nothing to draw. */
export function chartPath(
  samples: readonly number[],
  box: { capacity: number; ceiling: number; width: number; height: number },
): { line: string; area: string } | null {
  if (samples.length === 0) return null;
  const step = box.width / (box.capacity - 1);
  const left = box.width - (samples.length - 1) * step;
  const points = samples.map((sample, index) => {
    const y = box.height - (Math.min(sample, box.ceiling) / box.ceiling) * box.height;
    return `${round(left + index * step)} ${round(y)}`;
  });
  const line = `M${points.join('L')}`;
  return { line, area: `${line}L${box.width} ${box.height}L${round(left)} ${box.height}Z` };
}

/** The next of 10, 20, 50, 100, 200, … at or above `value`. */
export function niceCeiling(value: number): number {
  let ceiling = 10;
  for (const factor of cycle([2, 2.5, 2])) {
    if (ceiling >= value) return ceiling;
    ceiling *= factor;
  }
  return ceiling;
}

function* cycle(factors: readonly number[]): Generator<number> {
  for (;;) yield* factors;
}

const round = (value: number): number => Math.round(value * 10) / 10;
