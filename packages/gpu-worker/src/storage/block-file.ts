/** A file open for reading and writing at any place. */
export interface BlockFile {
  size(): Promise<number>;
  /** Fills `buffer` from offset `at` on; returns how many bytes there were. */
  read(buffer: Uint8Array<ArrayBuffer>, at: number): Promise<number>;
  /** Writes all of `bytes` or throws. */
  write(bytes: Uint8Array, at: number): Promise<void>;
  /** Cuts or extends to `size`; new bytes are 0. */
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/** A folder with a folder for each manifest with a file for each weights file. */
export interface StoreFolder {
  /** Opens a file, making it where there is none. */
  open(manifest: string, file: string): Promise<BlockFile>;
  /** Every file there is. */
  list(): Promise<readonly { readonly manifest: string; readonly file: string }[]>;
  /** Removes everything, or everything of one manifest. */
  remove(manifest?: string): Promise<void>;
}
