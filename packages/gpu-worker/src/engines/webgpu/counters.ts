/** What an engine has asked of its GPU since it was made. */
export interface GpuCounters {
  readonly forwards: number;
  readonly dispatches: number;
  readonly submits: number;
  /** Writes of the host into GPU memory, weights apart, and their bytes. */
  readonly bufferWrites: number;
  readonly bytesWritten: number;
  readonly bytesRead: number;
}

export type MutableCounters = { -readonly [Name in keyof GpuCounters]: number };

export const createCounters = (): MutableCounters => ({
  forwards: 0,
  dispatches: 0,
  submits: 0,
  bufferWrites: 0,
  bytesWritten: 0,
  bytesRead: 0,
});
