/** How a kernel uses a buffer; all are storage buffers of group 0, in order. */
export type BindingAccess = 'read' | 'write';

/** A compute kernel: its source and what it must be given. */
export interface Kernel {
  readonly label: string;
  readonly wgsl: string;
  /** One per binding; `write` may also be read. */
  readonly bindings: readonly BindingAccess[];
}

/** Repeats a piece of WGSL for 0 to `count` - 1, one a line. */
export const unroll = (count: number, piece: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => piece(index)).join('\n');
