import { chunkCount } from './chunk-hash.ts';
import { InvalidManifestError } from './errors.ts';
import { expectedTensors } from './expected-tensors.ts';
import { tensorBytes } from './gguf/tensor-types.ts';
import type { ModelManifest } from './manifest.ts';

/**
 * Checks what the parts of a well-formed manifest say of each other.
 *
 * @throws InvalidManifestError naming the first field that is wrong.
 */
export function checkManifest(manifest: ModelManifest): void {
  checkFiles(manifest);
  checkArchitecture(manifest);
  checkTokenizer(manifest);
  checkTensorPlaces(manifest);
  checkTensorSet(manifest);
}

function checkFiles({ files }: ModelManifest): void {
  const names = new Set<string>();
  for (const [index, { name, bytes, chunks }] of files.entries()) {
    check(!names.has(name.toLowerCase()), `files.${index}.name`, 'is the name of an earlier file');
    // Case-insensitive file systems would keep both in one place.
    names.add(name.toLowerCase());
    check(bytes > 0, `files.${index}.bytes`, 'is 0');
    const expected = chunkCount(bytes);
    check(
      chunks.length === expected,
      `files.${index}.chunks`,
      `has ${chunks.length} hashes where ${bytes} bytes have ${expected}`,
    );
  }
}

function checkArchitecture({ architecture }: ModelManifest): void {
  const { queryHeadCount, keyValueHeadCount, headSize, ropeDimensionCount } = architecture;
  check(
    queryHeadCount % keyValueHeadCount === 0,
    'architecture.keyValueHeadCount',
    `${keyValueHeadCount} does not divide ${queryHeadCount} query heads`,
  );
  check(
    ropeDimensionCount % 2 === 0 && ropeDimensionCount <= headSize,
    'architecture.ropeDimensionCount',
    `${ropeDimensionCount} is odd or above the head size`,
  );
}

function checkTokenizer({ tokenizer, architecture, files }: ModelManifest): void {
  const { beginToken, endTokens, source } = tokenizer;
  const { vocabularySize } = architecture;
  check(beginToken === null || beginToken < vocabularySize, 'tokenizer.beginToken', 'is not in the vocabulary');
  check(beginToken !== null || !tokenizer.addBeginToken, 'tokenizer.addBeginToken', 'is set without a token');
  check(
    endTokens.every((token) => token < vocabularySize),
    'tokenizer.endTokens',
    'has a token outside the vocabulary',
  );
  const file = files.find(({ name }) => name === source.file);
  check(file !== undefined, 'tokenizer.source.file', 'is none of the files');
  check(source.bytes > 0 && source.bytes <= (file?.bytes ?? 0), 'tokenizer.source.bytes', 'lies outside the file');
}

function checkTensorPlaces({ tensors, files }: ModelManifest): void {
  for (const [index, { file, offset, bytes, type, shape }] of tensors.entries()) {
    const fileBytes = files[file]?.bytes;
    check(fileBytes !== undefined, `tensors.${index}.file`, `${file} is none of the files`);
    check(
      bytes === tensorBytes(type, shape),
      `tensors.${index}.bytes`,
      `${bytes} is not the size of [${shape}] as ${type}`,
    );
    check(offset + bytes <= (fileBytes ?? 0), `tensors.${index}.offset`, 'puts the tensor outside its file');
  }
  const placed = [...tensors.entries()].sort(([, a], [, b]) => a.file - b.file || a.offset - b.offset);
  let end = { file: -1, offset: 0 };
  for (const [index, { file, offset, bytes }] of placed) {
    check(file !== end.file || offset >= end.offset, `tensors.${index}.offset`, 'puts the tensor over another');
    end = { file, offset: offset + bytes };
  }
}

function checkTensorSet({ tensors, architecture }: ModelManifest): void {
  const wanted = new Map(expectedTensors(architecture).map(({ name, shape }) => [name, shape]));
  for (const [index, { name, shape, type }] of tensors.entries()) {
    const expected = wanted.get(name);
    check(expected !== undefined, `tensors.${index}.name`, `${name} is unknown to this architecture or comes twice`);
    check(
      shape.length === expected?.length && shape.every((dimension, at) => dimension === expected[at]),
      `tensors.${index}.shape`,
      `of ${name} is [${shape}] where the architecture has [${expected}]`,
    );
    check(shape.length > 1 || type === 'F32', `tensors.${index}.type`, `of ${name} is ${type}; norms are F32`);
    wanted.delete(name);
  }
  const [missing] = wanted.keys();
  check(missing === undefined, 'tensors', `lacks ${missing}`);
}

function check(holds: boolean, field: string, problem: string): void {
  if (!holds) throw new InvalidManifestError(`${field} ${problem}.`);
}
