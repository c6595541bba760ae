import { hashChunks, modelPackageSchema, type ModelPackage } from '@opengateway/core';
import { openAddress } from './byte-ranges.ts';

/** The two files that describe a package; the second lists its shards. */
const CONFIG = 'mlc-chat-config.json';
const INDEX = 'tensor-cache.json';
/** What the library reads of a tokenizer: the first that the package has. */
const TOKENIZERS = ['tokenizer.json', 'tokenizer.model'];

export interface PackageAddresses {
  /** Folder of the package, by the library's rule: `resolve/main/` is added unless it names a branch. */
  readonly modelUrl: string;
  /** The `.wasm` file. */
  readonly modelLibUrl: string;
}

/**
 * A WebLLM package at its addresses as a catalogue has it, with the hashes of all that the library reads: one full pass
 * by ranges.
 *
 * @throws where a file is missing or no package's
 */
export async function modelPackage(
  { modelUrl, modelLibUrl }: PackageAddresses,
  onFile: (path: string, bytes: number) => void = () => {},
): Promise<ModelPackage> {
  const withSlash = modelUrl.endsWith('/') ? modelUrl : `${modelUrl}/`;
  const folderUrl = /.+\/resolve\/.+\//.test(withSlash) ? withSlash : `${withSlash}resolve/main/`;
  const config = (await readJson(new URL(CONFIG, folderUrl).href)) as { tokenizer_files?: unknown };
  const index = (await readJson(new URL(INDEX, folderUrl).href)) as { records?: unknown };
  const shards = Array.isArray(index.records)
    ? index.records.map(({ dataPath }: { dataPath: string }) => dataPath)
    : [];
  const listed = Array.isArray(config.tokenizer_files) ? config.tokenizer_files : [];
  const tokenizer = TOKENIZERS.find((name) => listed.includes(name));
  if (shards.length === 0 || tokenizer === undefined) throw new Error(`${modelUrl} lists no shards or no tokenizer.`);
  const list = async (path: string, url: string) => {
    const source = await openAddress(url);
    onFile(path, source.bytes);
    return { bytes: source.bytes, chunks: await hashChunks(source) };
  };
  const folder: unknown[] = [];
  for (const path of [CONFIG, INDEX, tokenizer, ...shards]) {
    const { bytes, chunks } = await list(path, new URL(path, folderUrl).href);
    folder.push({ path, bytes, chunks });
  }
  const library = await list('the library', modelLibUrl);
  return modelPackageSchema.parse({ engine: 'webllm', modelUrl, modelLibUrl, files: { folder, library } });
}

async function readJson(address: string): Promise<object> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} answered ${response.status}.`);
  return (await response.json()) as object;
}
