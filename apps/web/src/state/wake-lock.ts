import { effect } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';

/** The part of a page that can keep the screen on. */
export interface WakeLockHost {
  readonly navigator: { readonly wakeLock?: { request(type: 'screen'): Promise<{ release(): Promise<void> }> } };
  readonly document: Pick<Document, 'visibilityState' | 'addEventListener'>;
}

/** Keeps the screen on while `wanted`; browsers end that whenever the page is hidden, so it is asked for again. */
export function keepAwake({ navigator, document }: WakeLockHost, wanted: ReadonlySignal<boolean>): void {
  const { wakeLock } = navigator;
  if (wakeLock === undefined) return;
  let held: Promise<{ release(): Promise<void> } | null> | null = null;
  const renew = () => {
    void held?.then((lock) => lock?.release());
    held = null;
    if (!wanted.value || document.visibilityState !== 'visible') return;
    // A refusal (a nearly empty battery) leaves the screen to its own settings.
    held = wakeLock.request('screen').catch(() => null);
  };
  effect(renew);
  document.addEventListener('visibilitychange', renew);
}
