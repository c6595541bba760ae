import {
  expectedTensors,
  tensorsOfRange,
  type LayerRange,
  type ModelManifest,
  type TensorInfo,
} from '@opengateway/core';
import { UnsupportedModelError } from './errors.ts';

/**
 * The tensors that a stage with layers `range` computes with, by name, in the manifest's order.
 *
 * @throws UnsupportedModelError where the model has no such range, lacks a tensor, has one of another shape, or has one
 * that an engine would have to ignore (to leave out a bias would give wrong results quietly).
 */
export function selectTensors(manifest: ModelManifest, range: LayerRange): ReadonlyMap<string, TensorInfo> {
  const { layerCount } = manifest.architecture;
  if (!(range.start >= 0 && range.start < range.end && range.end <= layerCount)) {
    throw new UnsupportedModelError(`The model has layers 0 to ${layerCount}, not ${range.start} to ${range.end}.`);
  }
  const byName = new Map(manifest.tensors.map((tensor) => [tensor.name, tensor]));
  const expected = expectedTensors(manifest.architecture);
  for (const { name, shape } of expected) {
    const found = byName.get(name)?.shape;
    if (found?.join() === shape.join()) continue;
    const what = found ? `is [${found.join(', ')}]` : 'is missing';
    throw new UnsupportedModelError(`Tensor ${name} ${what}; [${shape.join(', ')}] is needed.`);
  }
  const known = new Set(expected.map(({ name }) => name));
  const unknown = manifest.tensors.find(({ name }) => !known.has(name));
  if (unknown) throw new UnsupportedModelError(`No engine here knows what to do with tensor ${unknown.name}.`);
  return new Map(tensorsOfRange(manifest, range).map((tensor) => [tensor.name, tensor]));
}
