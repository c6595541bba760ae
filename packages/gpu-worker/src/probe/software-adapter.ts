/** Rasterisers that compute on the processor, by the names that drivers give them. */
export const SOFTWARE_ADAPTER_NAMES = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i;

/** Whether an adapter is a processor in a GPU's clothes; browsers do not always say so themselves. */
export const isSoftwareAdapter = (info: {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  readonly isFallback: boolean;
}): boolean =>
  info.isFallback || SOFTWARE_ADAPTER_NAMES.test(`${info.vendor} ${info.architecture} ${info.description}`);
