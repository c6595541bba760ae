import { MAX_GGUF_ALIGNMENT, MAX_GGUF_KEY_BYTES, MAX_GGUF_METADATA_KEYS, MAX_GGUF_TENSORS } from '../constants.ts';
import { InvalidGgufError } from '../errors.ts';
import { GgufCursor } from './cursor.ts';
import { createElementBudget, readMetadataValue } from './metadata-values.ts';
import { placeTensors, readTensorTable } from './tensor-table.ts';
import type { ByteSource } from './byte-source.ts';
import type { GgufValue } from './metadata-values.ts';
import type { GgufTensor } from './tensor-table.ts';

/** All of a GGUF file but its tensors' contents. */
export interface GgufFile {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** In the order of the file's table. */
  readonly tensors: readonly GgufTensor[];
  /** Where tensor data begins: `headerBytes` rounded up to the alignment. */
  readonly tensorDataOffset: number;
  readonly headerBytes: number;
}

/** "GGUF" as a little-endian number. */
const MAGIC = 0x46554747;
const VERSIONS: ReadonlySet<number> = new Set([2, 3]);
const DEFAULT_ALIGNMENT = 32;

/**
 * Reads a GGUF's header, metadata and tensor table, in pieces that grow from 64 KiB to 1 MiB.
 *
 * Source: the GGUF specification, github.com/ggml-org/ggml/blob/master/docs/gguf.md.
 *
 * @throws InvalidGgufError, UnsupportedTensorTypeError, and whatever the source throws.
 */
export async function readGguf(source: ByteSource, options: { signal?: AbortSignal } = {}): Promise<GgufFile> {
  const cursor = new GgufCursor(source, options.signal);
  if ((await cursor.uint32()) !== MAGIC) throw new InvalidGgufError('The file does not begin with "GGUF".');
  const version = await cursor.uint32();
  if (!VERSIONS.has(version)) {
    throw new InvalidGgufError(
      version % 65_536 === 0 ? 'Big-endian GGUF is not supported.' : `GGUF version ${version} is not supported.`,
    );
  }
  const tensorCount = await cursor.count('The number of tensors', MAX_GGUF_TENSORS);
  const keyCount = await cursor.count('The number of metadata keys', MAX_GGUF_METADATA_KEYS);
  const metadata = await readMetadata(cursor, keyCount);
  const table = await readTensorTable(cursor, tensorCount);
  const headerBytes = cursor.offset;
  const alignment = alignmentOf(metadata);
  const tensorDataOffset = Math.ceil(headerBytes / alignment) * alignment;
  const tensors = placeTensors(table, { dataOffset: tensorDataOffset, alignment, fileBytes: source.bytes });
  return { version, metadata, tensors, tensorDataOffset, headerBytes };
}

async function readMetadata(cursor: GgufCursor, count: number): Promise<Map<string, GgufValue>> {
  const metadata = new Map<string, GgufValue>();
  const budget = createElementBudget();
  while (metadata.size < count) {
    const key = await cursor.string('a metadata key', MAX_GGUF_KEY_BYTES);
    if (metadata.has(key)) throw new InvalidGgufError(`The metadata has ${key} twice.`);
    metadata.set(key, await readMetadataValue(cursor, key, budget));
  }
  return metadata;
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (typeof alignment !== 'number' || alignment % 8 !== 0 || alignment < 8 || alignment > MAX_GGUF_ALIGNMENT) {
    throw new InvalidGgufError('general.alignment is not a multiple of 8 in range.');
  }
  return alignment;
}
