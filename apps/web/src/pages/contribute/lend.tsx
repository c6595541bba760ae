import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ConfirmDialog } from '../../components/dialog.tsx';
import { Icon } from '../../components/icon.tsx';
import { Notice } from '../../components/notice.tsx';
import { isOn, isRestarting } from '../../state/is-on.ts';
import { modelFit } from '../../state/model-fit.ts';
import { useSite } from '../../site.ts';
import { Elsewhere } from './elsewhere.tsx';
import { HeldLayers } from './held-layers.tsx';
import { Live } from './live.tsx';
import { PlanLines } from './plan-lines.tsx';
import { RecoveryNotice } from './recovery-notice.tsx';
import { forcedBy, parseStart } from './start-query.ts';
import { SmallerChoice, StorageNotice } from './storage-notice.tsx';
import { Steps } from './steps.tsx';
import { useLent } from './use-lent.ts';
import { errorWords, startWords } from './words.ts';
import type { Signal } from '@preact/signals';
import type { CatalogEntry, ContributorSnapshot } from '@opengateway/core';
import type { DeviceProbe } from '@opengateway/gpu-worker';

/** The one button, and everything that follows from it. */
export function Lend({ chosen, probe }: { chosen: Signal<string | null>; probe: DeviceProbe | null }) {
  const { contribute, relay, router } = useSite();
  const forgetting = useSignal(false);
  const entry = useComputed(() => {
    const catalog = relay.bootstrap.value?.catalog ?? [];
    return catalog.find(({ id }) => id === chosen.value) ?? catalog[0] ?? null;
  });
  const snapshot = contribute.snapshot.value;
  const { state } = snapshot;
  const on = isOn(snapshot);
  const lent = useLent();
  const fit = entry.value && probe ? modelFit(entry.value, probe, { servingNow: false, ...lent(probe) }) : null;
  const elsewhere = contribute.elsewhere.value !== null || contribute.waiting.value;
  const forced = forcedBy(parseStart(router.location.value.query));
  const possible = entry.value !== null && (fit?.verdict !== 'not-possible' || forced.layers !== undefined);
  const begin = (when: 'now' | 'take-over' | 'wait' = 'now') => {
    if (entry.value === null) return;
    void contribute.start({ entry: entry.value, ...forced, when });
  };
  const lendInstead = (smaller: CatalogEntry) => {
    chosen.value = smaller.id;
    void contribute.stop().then(() => begin());
  };

  // The button that was pressed is gone: the focus goes to the one that undoes it.
  const start = useRef<HTMLButtonElement>(null);
  const stop = useRef<HTMLButtonElement>(null);
  const wasOn = useRef(on);
  useEffect(() => {
    if (wasOn.current !== on && document.activeElement === document.body) (on ? stop : start).current?.focus();
    wasOn.current = on;
  }, [on]);

  return (
    <section class="card lend" aria-labelledby="lend">
      <h2 id="lend">{headline(snapshot)}</h2>
      <Elsewhere begin={begin} />
      <RecoveryNotice again={() => begin()} />
      {!on && !elsewhere && entry.value !== null && (
        <p class="soft">{startWords(entry.value, fit, forced.layers ?? null)}</p>
      )}
      {state === 'error' && !on && !elsewhere && snapshot.error !== null && (
        <Notice tone="danger">
          <p>{errorWords(snapshot.error)}</p>
          <div class="notice-actions">
            {snapshot.error.code === 'another_tab_lends' ? (
              <button class="button" onClick={() => begin('take-over')}>
                Lend from this tab instead
              </button>
            ) : (
              <button class="button" disabled={!possible} onClick={() => begin()}>
                Try again
              </button>
            )}
            {snapshot.error.code === 'storage_full' && probe !== null && (
              <SmallerChoice probe={probe} onSmaller={lendInstead} />
            )}
          </div>
        </Notice>
      )}
      {(on || (state === 'error' && !elsewhere && contribute.times.value.joinStartMs !== null)) && <Steps />}
      {probe !== null && on && <StorageNotice probe={probe} onSmaller={lendInstead} />}
      <HeldLayers />
      <PlanLines />
      {(state === 'serving' || state === 'paused') && <Live probe={probe} />}
      {!on && !elsewhere && state !== 'error' && (
        <button
          class="button button-primary lend-start"
          data-testid="contribute-start"
          disabled={!possible}
          ref={start}
          onClick={() => begin()}
        >
          Start lending
        </button>
      )}
      <div class="row">
        {(state === 'serving' || state === 'paused') && (
          <button class="button" onClick={() => void (state === 'paused' ? contribute.resume() : contribute.pause())}>
            <Icon name={state === 'paused' ? 'play' : 'pause'} size={18} /> {state === 'paused' ? 'Resume' : 'Pause'}
          </button>
        )}
        {on && (
          <button class="button" ref={stop} onClick={() => void contribute.stop()}>
            <Icon name="stop" size={18} /> Stop
          </button>
        )}
        <button class="button button-quiet forget" onClick={() => (forgetting.value = true)}>
          Forget everything
        </button>
      </div>
      {forgetting.value && (
        <ConfirmDialog
          title="Forget everything?"
          text="Stops lending and removes all stored weights from this browser. They would be fetched again next time. Your chats stay."
          action="Stop and remove"
          onConfirm={() => void contribute.forget()}
          onClose={() => (forgetting.value = false)}
        />
      )}
    </section>
  );
}

function headline(snapshot: ContributorSnapshot): string {
  const { state } = snapshot;
  if (isRestarting(snapshot)) return 'Starting again soon';
  if (state === 'serving') return 'This device is serving';
  if (state === 'paused') return 'Paused';
  if (state === 'idle') return 'Not lending';
  if (state === 'error') return 'Lending has stopped';
  return 'Getting ready';
}
