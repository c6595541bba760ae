import type { ModelPackage } from '@opengateway/core';
import type { WeightsLocation } from '../../api.ts';

/** Where a catalogue entry's package is, its addresses made absolute by the relay's. */
export function locatePackage(modelPackage: ModelPackage, baseUrl: string): WeightsLocation {
  if ('prebuilt' in modelPackage) return { kind: 'package', package: modelPackage };
  const { modelUrl, modelLibUrl } = modelPackage;
  return {
    kind: 'package',
    package: {
      ...modelPackage,
      modelUrl: new URL(modelUrl, baseUrl).href,
      modelLibUrl: new URL(modelLibUrl, baseUrl).href,
    },
  };
}
