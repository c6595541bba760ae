import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ConfirmDialog } from '../../components/dialog.tsx';
import { Icon } from '../../components/icon.tsx';
import { Notice } from '../../components/notice.tsx';
import { formatBytes } from '../../format/numbers.ts';
import { modelFit } from '../../state/model-fit.ts';
import { useSite } from '../../site.ts';
import { Live } from './live.tsx';
import { parseStart } from './start-query.ts';
import { Steps } from './steps.tsx';
import { errorWords } from './words.ts';
import type { Signal } from '@preact/signals';
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
  const on = state !== 'idle' && state !== 'error';
  const fit = entry.value && probe ? modelFit(entry.value, probe, false) : null;
  const possible = entry.value !== null && fit?.verdict !== 'not-possible';
  const begin = (takeOver = false) => {
    if (entry.value === null) return;
    const { engine } = parseStart(router.location.value.query);
    void contribute.start({ entry: entry.value, engine, takeOver });
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
      <h2 id="lend">{headline(state)}</h2>
      {!on && entry.value !== null && (
        <p class="soft">
          {possible
            ? `Turning it on fetches ${entry.value.name} (${formatBytes(entry.value.bytes)}, once) and tests it here before anyone is answered.`
            : fit?.reason}
        </p>
      )}
      {state === 'error' && snapshot.error !== null && (
        <Notice tone="danger">
          <p>{errorWords(snapshot.error)}</p>
          <div class="notice-actions">
            {snapshot.error.code === 'another_tab_lends' ? (
              <button class="button" onClick={() => begin(true)}>
                Lend from this tab instead
              </button>
            ) : (
              <button class="button" disabled={!possible} onClick={() => begin()}>
                Try again
              </button>
            )}
          </div>
        </Notice>
      )}
      {(on || (state === 'error' && contribute.times.value.joinStartMs !== null)) && <Steps />}
      {(state === 'serving' || state === 'paused') && <Live />}
      {!on && state !== 'error' && (
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
      <BatterySwitch />
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

function BatterySwitch() {
  const { settings, onBattery } = useSite();
  if (onBattery.value === null) return null;
  return (
    <label class="switch small">
      <input
        type="checkbox"
        role="switch"
        checked={settings.pauseOnBattery.value}
        onChange={(event) => (settings.pauseOnBattery.value = event.currentTarget.checked)}
      />
      <span>
        Pause on battery <span class="soft">({onBattery.value ? 'on battery now' : 'plugged in now'}, told)</span>
      </span>
    </label>
  );
}

function headline(state: string): string {
  if (state === 'serving') return 'This device is serving';
  if (state === 'paused') return 'Paused';
  if (state === 'idle') return 'Not lending';
  if (state === 'error') return 'Lending has stopped';
  return 'Getting ready';
}
