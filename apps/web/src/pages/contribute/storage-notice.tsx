import { modelsThatFit } from '@opengateway/core';
import { Notice } from '../../components/notice.tsx';
import { formatBytes } from '../../format/numbers.ts';
import { modelFit } from '../../state/model-fit.ts';
import { useSite } from '../../site.ts';
import { useLent } from './use-lent.ts';
import { notKeptWords, roomBytes, smallerModel } from './weights-words.ts';
import type { CatalogEntry } from '@opengateway/core';
import type { DeviceProbe } from '@opengateway/gpu-worker';

/** Says that weights are not kept here and why, with the smaller choice. */
export function StorageNotice(props: { probe: DeviceProbe; onSmaller: (entry: CatalogEntry) => void }) {
  const { contribute } = useSite();
  const { loading } = contribute.snapshot.value;
  const failure = loading?.storeFailure ?? contribute.times.value.weights?.storeFailure;
  if (failure === undefined) return null;
  return (
    <Notice tone="warning">
      <p data-testid="not-kept">{notKeptWords(failure)}</p>
      {failure.code === 'storage_full' && (
        <div class="notice-actions">
          <SmallerChoice {...props} />
        </div>
      )}
    </Notice>
  );
}

/** The largest smaller model that would be kept here; nothing where there is none. */
export function SmallerChoice(props: { probe: DeviceProbe; onSmaller: (entry: CatalogEntry) => void }) {
  const { probe, onSmaller } = props;
  const { contribute, relay, settings } = useSite();
  const lent = useLent()(probe);
  const { model } = contribute.snapshot.value;
  if (model === null) return null;
  const kept = modelsThatFit(
    relay.bootstrap.value?.catalog ?? [],
    roomBytes(settings.storageBytes.value, probe.storage),
  );
  const fits = (entry: CatalogEntry) => modelFit(entry, probe, { servingNow: false, ...lent }).verdict === 'possible';
  const smaller = smallerModel(model, kept, fits);
  if (smaller === null) return null;
  return (
    <button class="button" data-testid="smaller" onClick={() => onSmaller(smaller)}>
      Lend {smaller.name} instead ({formatBytes(smaller.bytes)})
    </button>
  );
}
