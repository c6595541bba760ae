export { addInPlace } from './elementwise';
export { embedF16, embedF32, embedQ4, embedQ8 } from './embed';
export {
  addAttention, addMatmulF16, addMatmulF32, addMatmulQ4, addMatmulQ8, addSwiglu, expectWeights, helpJobs, initJobs, runJobs,
  stopHelpers,
} from './jobs';
export { storeKeyValue } from './kv-cache';
export { rmsNorm } from './norm';
export { quantize8, quantize16 } from './quantize';
export { repackF16, repackF32, repackQ4_0, repackQ4_1, repackQ8_0 } from './repack';
export { rope, ropeTable } from './rope';
