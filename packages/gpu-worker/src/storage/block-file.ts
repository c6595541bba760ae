/** A small file open for reading and writing at any place. */
export interface BlockFile {
  size(): Promise<number>;
  /** Fills `buffer` from offset `at` on; returns how many bytes there were. */
  read(buffer: Uint8Array<ArrayBuffer>, at: number): Promise<number>;
  /** Writes all of `bytes` or throws. */
  write(bytes: Uint8Array, at: number): Promise<void>;
  /** Cuts or extends to `size`; new bytes are 0. */
  truncate(size: number): Promise<void>;
}

/** One weights file's place: a small file of marks, and beside it a file for each chunk that is there. */
export interface ChunkFiles {
  readonly marks: BlockFile;
  /** Fills `buffer` with a chunk's file; returns how many bytes there were, 0 where there is no such file. */
  read(index: number, buffer: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Makes a chunk's file of exactly these bytes, in place of one that is there, or throws. */
  write(index: number, bytes: Uint8Array): Promise<void>;
  /** Frees a chunk's room. Idempotent. */
  remove(index: number): Promise<void>;
  close(): Promise<void>;
}

/** A folder with a folder for each manifest, which has a place for each weights file. */
export interface StoreFolder {
  /** Opens a file's place, making it where there is none. */
  open(manifest: string, file: string): Promise<ChunkFiles>;
  /** Every file there is. */
  list(): Promise<readonly { readonly manifest: string; readonly file: string }[]>;
  /** Removes everything, or everything of one manifest. */
  remove(manifest?: string): Promise<void>;
}

/** Name of the folder of a file's chunks: no file of a manifest can have it. */
export const chunkFolderName = (file: string): string => `${file}~chunks`;
