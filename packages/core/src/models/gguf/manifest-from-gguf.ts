import { InvalidGgufError } from '../errors.ts';
import { parseManifest } from '../parse-manifest.ts';
import { architectureFromGguf } from './architecture-from-gguf.ts';
import { licenseFromGguf } from './license-from-gguf.ts';
import { metadataFields } from './metadata-fields.ts';
import { tokenizerFromGguf } from './tokenizer-from-gguf.ts';
import type { ManifestFile, ModelManifest } from '../manifest.ts';
import type { GgufFile } from './read-gguf.ts';

export interface ManifestFromGgufOptions {
  /** Public name of the model, e.g. `smollm2-135m-instruct`. */
  readonly id: string;
  /** For people. @default the metadata's `general.name`, else the id */
  readonly name?: string;
  /** The one file that was read: its name, size and chunk hashes. */
  readonly files: readonly ManifestFile[];
}

/**
 * A manifest from what a GGUF says of itself.
 *
 * @throws UnsupportedArchitectureError, InvalidGgufError, InvalidManifestError.
 */
export function manifestFromGguf(gguf: GgufFile, options: ManifestFromGgufOptions): ModelManifest {
  const { id, files } = options;
  const [file] = files;
  if (!file || files.length > 1) throw new InvalidGgufError('A model split over several GGUF files is not supported.');
  const fields = metadataFields(gguf.metadata);
  const architecture = architectureFromGguf(gguf);
  const template = fields.text('tokenizer.chat_template', '');
  return parseManifest({
    format: 'opengateway-manifest/1',
    id,
    name: options.name ?? fields.text('general.name', id),
    license: licenseFromGguf(gguf),
    architecture,
    tokenizer: tokenizerFromGguf(gguf, { file: file.name, vocabularySize: architecture.vocabularySize }),
    chatTemplate: template === '' ? null : template,
    files,
    tensors: gguf.tensors.map(({ name, offset, bytes, type, shape }) => ({
      name,
      file: 0,
      offset,
      bytes,
      type,
      shape,
    })),
  } satisfies { [key in keyof ModelManifest]: unknown });
}
