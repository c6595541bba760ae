/**
 * Where a product's results go, and how many rows it has: a uniform, so that matrices of one type and width
 * share a kernel.
 */
export interface ProductShape {
  readonly rows: number;
  /** Floats between output rows, and before the first. */
  readonly outputStride: number;
  readonly outputOffset: number;
}

/** WGSL of the uniform at a binding, as `shape`. */
export const shapeBinding = (
  binding: number,
): string => `struct Shape { rows: u32, outputStride: u32, outputOffset: u32 }
@group(0) @binding(${binding}) var<uniform> shape: Shape;`;

/** The uniform's words. */
export const shapeWords = ({ rows, outputStride, outputOffset }: ProductShape): Uint32Array<ArrayBuffer> =>
  Uint32Array.of(rows, outputStride, outputOffset, 0);
