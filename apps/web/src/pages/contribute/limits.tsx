import { defaultThreads, mostThreads } from '@opengateway/gpu-worker';
import { MIN_SHARE } from '@opengateway/core';
import { formatBytes, formatPlural } from '../../format/numbers.ts';
import { formatMinutes, parseMinutes } from '../../state/hours.ts';
import { isOn } from '../../state/is-on.ts';
import { defaultMemoryBytes } from '../../state/lending-plan.ts';
import { modelFit } from '../../state/model-fit.ts';
import { useSite } from '../../site.ts';
import { Amount, numberOrNull } from './amount.tsx';
import { UploadLimit } from './upload-limit.tsx';
import { useLent } from './use-lent.ts';
import { memoryWords } from './words.ts';
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { CatalogEntry } from '@opengateway/core';
import type { DeviceProbe } from '@opengateway/gpu-worker';

const MEMORY_CHOICES = [0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 24].map((gigabytes) => gigabytes * 1e9);
const STORAGE_CHOICES = [0.1, 0.5, 2, 10, 50, 200, 500, 1000].map((gigabytes) => gigabytes * 1e9);
const NIGHT = { from: 22 * 60, to: 7 * 60 };

/** How much of the device is lent, and when; kept in this browser. */
export function Limits({ probe, model }: { probe: DeviceProbe | null; model: CatalogEntry | null }) {
  const { settings, contribute } = useSite();
  const lent = useLent();
  if (probe === null) return null;
  const on = isOn(contribute.snapshot.value);
  return (
    <section class="card" aria-labelledby="limits">
      <h2 id="limits">Your limits</h2>
      <div class="limits">
        <label class="field">
          <span>Threads lent (pledged)</span>
          <select
            class="select"
            disabled={!probe.wasmThreads}
            value={settings.threads.value ?? ''}
            onChange={(event) => (settings.threads.value = numberOrNull(event.currentTarget.value))}
          >
            <option value="">
              {probe.wasmThreads ? `All but one: ${defaultThreads(probe)}` : '1: this page cannot share memory'}
            </option>
            {Array.from({ length: mostThreads(probe) }, (_, index) => (
              <option key={index} value={index + 1}>
                {formatPlural(index + 1, 'thread')}
              </option>
            ))}
          </select>
        </label>
        <Amount
          label="Memory lent (pledged)"
          chosen={settings.memoryBytes}
          choices={MEMORY_CHOICES}
          none={`What suits: ${formatBytes(defaultMemoryBytes(probe))}`}
        />
        <Amount
          label="Storage lent (pledged)"
          chosen={settings.storageBytes}
          choices={STORAGE_CHOICES}
          none="What it allows"
        />
        <label class="field">
          <span>Share of the time: {Math.round(settings.share.value * 100)} %</span>
          <input
            type="range"
            class="range"
            min={MIN_SHARE * 100}
            max={100}
            step={5}
            value={settings.share.value * 100}
            onInput={(event) => (settings.share.value = Number(event.currentTarget.value) / 100)}
          />
        </label>
      </div>
      {model !== null && (
        <p class="soft small" data-testid="memory-words">
          {memoryWords(model, modelFit(model, probe, { servingNow: false, ...lent(probe) }))}
        </p>
      )}
      {on && (
        <p class="soft small">
          Threads, memory and storage count from the next start; the share and what is given at once.
        </p>
      )}
      <UploadLimit />
      <div>
        <BatterySwitch />
        <BusySwitch />
        <HoursSwitch />
        <AwakeSwitch />
      </div>
    </section>
  );
}

function Switch(props: { checked: Signal<boolean>; disabled?: boolean; children: ComponentChildren }) {
  const { checked, disabled = false, children } = props;
  return (
    <label class="switch small">
      <input
        type="checkbox"
        role="switch"
        checked={checked.value && !disabled}
        disabled={disabled}
        onChange={(event) => (checked.value = event.currentTarget.checked)}
      />
      <span>{children}</span>
    </label>
  );
}

function BatterySwitch() {
  const { settings, onBattery } = useSite();
  const told = onBattery.value;
  return (
    <Switch checked={settings.pauseOnBattery} disabled={told === null}>
      Pause on battery{' '}
      <span class="soft">
        {told === null ? 'this browser does not tell' : told ? 'on battery now, told' : 'plugged in now, told'}
      </span>
    </Switch>
  );
}

function BusySwitch() {
  const { settings, pressure } = useSite();
  const busy = pressure.busy.value;
  return (
    <Switch checked={settings.pauseWhenBusy} disabled={busy === null}>
      Pause while the device is busy{' '}
      <span class="soft">
        {busy === null ? 'this browser does not tell' : busy ? 'busy now, told' : 'not busy now, told'}
      </span>
    </Switch>
  );
}

function HoursSwitch() {
  const { settings } = useSite();
  const hours = settings.hours.value;
  const field = (name: 'from' | 'to', label: string) => (
    <label class="field hour">
      <span>{label}</span>
      <input
        class="input"
        type="time"
        value={formatMinutes(hours![name])}
        onChange={(event) => {
          const minutes = parseMinutes(event.currentTarget.value);
          if (minutes !== null) settings.hours.value = { ...hours!, [name]: minutes };
        }}
      />
    </label>
  );
  return (
    <>
      <label class="switch small">
        <input
          type="checkbox"
          role="switch"
          checked={hours !== null}
          onChange={(event) => (settings.hours.value = event.currentTarget.checked ? NIGHT : null)}
        />
        <span>
          Only at certain hours <span class="soft">by this device’s clock</span>
        </span>
      </label>
      {hours !== null && (
        <div class="hours">
          {field('from', 'From')}
          {field('to', 'Until')}
        </div>
      )}
    </>
  );
}

function AwakeSwitch() {
  const { settings } = useSite();
  return (
    <Switch checked={settings.keepAwake} disabled={!('wakeLock' in navigator)}>
      Keep the screen on while lending{' '}
      <span class="soft">
        {'wakeLock' in navigator ? 'while this tab is in front' : 'this browser does not offer it'}
      </span>
    </Switch>
  );
}
