import { Notice } from '../../components/notice.tsx';
import { modelFit } from '../../state/model-fit.ts';
import { formatBytes } from '../../format/numbers.ts';
import { useSite } from '../../site.ts';
import { useLent } from './use-lent.ts';
import { notKeptWords, smallerModel } from './weights-words.ts';
import type { CatalogEntry } from '@opengateway/core';
import type { DeviceProbe } from '@opengateway/gpu-worker';

/** Says that weights are not kept here and why, with the smaller choice. */
export function StorageNotice({ probe, onSmaller }: { probe: DeviceProbe; onSmaller: (entry: CatalogEntry) => void }) {
  const { contribute, relay } = useSite();
  const lent = useLent()(probe);
  const { model, loading } = contribute.snapshot.value;
  const failure = loading?.storeFailure ?? contribute.times.value.weights?.storeFailure;
  if (failure === undefined || model === null) return null;
  const fits = (entry: CatalogEntry) => modelFit(entry, probe, { servingNow: false, ...lent }).verdict === 'possible';
  const smaller = smallerModel(model, relay.bootstrap.value?.catalog ?? [], fits);
  return (
    <Notice tone="warning">
      <p data-testid="not-kept">{notKeptWords(failure)}</p>
      {failure.code === 'storage_full' && smaller !== null && (
        <div class="notice-actions">
          <button class="button" onClick={() => onSmaller(smaller)}>
            Lend {smaller.name} instead ({formatBytes(smaller.bytes)})
          </button>
        </div>
      )}
    </Notice>
  );
}
