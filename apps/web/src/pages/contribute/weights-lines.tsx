import { useSite } from '../../site.ts';
import { keptWords, storedWords, uploadLimitWords } from './weights-words.ts';
import type { DeviceProbe } from '@opengateway/gpu-worker';

/** What lies here of weights, whether it stays, and what of it was given to others. */
export function WeightsLines({ probe }: { probe: DeviceProbe | null }) {
  const { contribute, settings, persistence } = useSite();
  const { storedBytes } = contribute.snapshot.value;
  return (
    <dl class="pairs" data-testid="weights">
      <dt>Given to peers</dt>
      <dd>{uploadLimitWords(settings.givesWeights.value, settings.uploadBytesPerSecond.value)}</dd>
      <dt>Stored here</dt>
      <dd>{storedWords(storedBytes, settings.storageBytes.value, probe?.storage ?? null)}</dd>
      <dt>Kept</dt>
      <dd>{keptWords(persistence.answer.value, probe?.storage?.persisted ?? null)}</dd>
    </dl>
  );
}
