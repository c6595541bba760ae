export { bytesSource } from './byte-source.ts';
export { readGguf } from './read-gguf.ts';
export { TENSOR_TYPE_LAYOUTS, rowBytes, tensorBytes } from './tensor-types.ts';
export type { ByteSource } from './byte-source.ts';
export type { GgufValue } from './metadata-values.ts';
export type { GgufFile } from './read-gguf.ts';
export type { GgufTensor } from './tensor-table.ts';
export type { TensorTypeLayout } from './tensor-types.ts';
