import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';

/** How hard the processor is worked, as Compute Pressure tells. */
export type PressureLevel = 'nominal' | 'fair' | 'serious' | 'critical';

interface PressureObserverLike {
  observe(source: 'cpu', options?: { sampleInterval?: number }): Promise<void>;
}

/** The part of a page's globals that tells of pressure; many browsers have none. */
export interface PressureHost {
  readonly PressureObserver?: new (
    listener: (records: readonly { readonly state: PressureLevel }[]) => void,
  ) => PressureObserverLike;
}

export interface CpuPressure {
  /** Whether something else keeps this device busy; null where the browser does not tell. */
  readonly busy: ReadonlySignal<boolean | null>;
  /** Looks at the last level again; called by the page's clock. */
  check(): void;
}

/** How often the browser looks. */
const SAMPLE_INTERVAL_MS = 2_000;
/** Pressure right after our own work is our own: this long it says nothing of others. */
const OWN_WORK_MS = 6_000;
/** Calm must last before lending goes on: a build or a game has pauses too. */
const CALM_MS = 20_000;

/** Follows the browser's word; `computing` says whether this tab works for others now. */
export function watchPressure(
  host: PressureHost,
  components: { computing: () => boolean; now: () => number },
): CpuPressure {
  const { computing, now } = components;
  const busy = signal<boolean | null>(null);
  let level: PressureLevel | null = null;
  let ownWorkMs = Number.NEGATIVE_INFINITY;
  let pressedMs = Number.NEGATIVE_INFINITY;

  const check = () => {
    if (level === null) return;
    const nowMs = now();
    if (computing()) ownWorkMs = nowMs;
    const others = nowMs - ownWorkMs > OWN_WORK_MS;
    if (others && (level === 'serious' || level === 'critical')) pressedMs = nowMs;
    busy.value = nowMs - pressedMs < CALM_MS;
  };
  const follow = async () => {
    if (host.PressureObserver === undefined) return;
    const observer = new host.PressureObserver((records) => {
      level = records.at(-1)?.state ?? level;
      check();
    });
    await observer.observe('cpu', { sampleInterval: SAMPLE_INTERVAL_MS });
    busy.value ??= false;
    level ??= 'nominal';
  };
  // A refusal means the same as a browser without the interface: not told.
  follow().catch(() => undefined);
  return { busy, check };
}
