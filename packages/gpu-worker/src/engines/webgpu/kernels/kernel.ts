/** How a kernel uses a buffer of group 0: storage to read, or to write too, or a uniform. */
export type BindingAccess = 'read' | 'write' | 'uniform';

/** A compute kernel: its source and what it must be given. */
export interface Kernel {
  readonly label: string;
  readonly wgsl: string;
  /** One per binding, in order. */
  readonly bindings: readonly BindingAccess[];
}

/** Repeats a piece of WGSL for 0 to `count` - 1, one a line. */
export const unroll = (count: number, piece: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => piece(index)).join('\n');
