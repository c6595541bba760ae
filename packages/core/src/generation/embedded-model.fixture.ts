import { open, readFile } from 'node:fs/promises';
import { bytesSource, readGguf } from '../models/gguf/index.ts';
import { decodeManifest } from '../models/parse-manifest.ts';
import type { ChatMessage } from '../completion/types.ts';
import type { GgufValue } from '../models/gguf/index.ts';
import type { ModelManifest } from '../models/manifest.ts';

const ROOT = new URL('../../../../', import.meta.url);
const MODEL = new URL('models/smollm2-135m-instruct/', ROOT);

/** The embedded model's manifest, and the metadata of its GGUF header. */
export async function readEmbeddedModel(): Promise<{
  manifest: ModelManifest;
  metadata: ReadonlyMap<string, GgufValue>;
}> {
  const manifest = decodeManifest(await readFile(new URL('manifest.json', MODEL)));
  const { file, bytes } = manifest.tokenizer.source;
  await using handle = await open(new URL(file, MODEL));
  const whole = (await handle.stat()).size;
  const header = new Uint8Array(bytes);
  await handle.read(header, 0, bytes, 0);
  const source = bytesSource(header);
  // Pieces may reach beyond the header; what lies there is not looked at.
  const read = (offset: number, length: number) =>
    source.read(offset, Math.min(length, bytes - offset)).then((piece) => {
      const padded = new Uint8Array(length);
      padded.set(piece);
      return padded;
    });
  const { metadata } = await readGguf({ bytes: whole, read });
  return { manifest, metadata };
}

export interface GoldenConversation {
  readonly messages: readonly ChatMessage[];
  readonly prompt: string;
  readonly promptTokens: readonly number[];
  readonly greedyTokens: readonly number[];
  readonly text: string;
}

export async function readGoldenConversations(): Promise<readonly GoldenConversation[]> {
  const golden = JSON.parse(await readFile(new URL('test/fixtures/golden.json', ROOT), 'utf8')) as {
    conversations: GoldenConversation[];
  };
  return golden.conversations;
}
