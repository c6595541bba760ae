import './contribute.css';
import { useEffect } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { RelayNotice } from '../../components/relay-notice.tsx';
import { useSite } from '../../site.ts';
import { DeviceCard } from './device-card.tsx';
import { Lend } from './lend.tsx';
import { Limits } from './limits.tsx';
import { ServeList } from './serve-list.tsx';
import { forcedBy, parseStart } from './start-query.ts';

/** Lending this device: what it can do, one button, what it is doing, what it gave. */
export function ContributePage() {
  const site = useSite();
  const probe = site.device.probe.value;
  const model = useSignal<string | null>(site.router.location.value.query.get('model'));
  const { state } = site.contribute.snapshot.value;
  const catalog = site.relay.bootstrap.value?.catalog ?? [];
  const entry = catalog.find(({ id }) => id === model.value) ?? catalog[0] ?? null;

  useEffect(() => {
    void site.device.look();
  }, [state]);
  useEffect(() => {
    const unattended = parseStart(site.router.location.value.query);
    if (!unattended.start || site.contribute.snapshot.peek().state !== 'idle') return undefined;
    const leave = new AbortController();
    void site.relay.whenReachable(leave.signal).then(
      ({ catalog: offered }) => {
        const wanted =
          offered.find(({ id }) => id === unattended.model) ?? (unattended.model === null ? offered[0] : undefined);
        if (wanted) return site.contribute.start({ entry: wanted, ...forcedBy(unattended), when: 'wait' });
        site.announcement.value = `The relay does not offer ${unattended.model ?? 'any model'}.`;
        return undefined;
      },
      // The page was left before the relay answered.
      () => undefined,
    );
    return () => leave.abort();
  }, []);

  return (
    <div class="page" data-testid="contributor-state" data-state={state}>
      <div class="page-head">
        <h1>Lend this device</h1>
        <p>
          While this tab is open it answers other people’s questions with a model held in its memory. You can pause or
          stop at any time; running answers move on to another peer.
        </p>
      </div>
      <RelayNotice consequence="This tab cannot join until it is back." />
      <div class="contribute">
        <div class="contribute-column">
          <Lend chosen={model} probe={probe} />
          <Limits probe={probe} model={entry} />
        </div>
        <DeviceCard probe={probe} model={entry} />
      </div>
      <ServeList chosen={model} probe={probe} />
    </div>
  );
}
