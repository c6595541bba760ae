import { checkManifest } from './check-manifest.ts';
import { MAX_MANIFEST_BYTES } from './constants.ts';
import { InvalidManifestError } from './errors.ts';
import { manifestSchema } from './manifest.ts';
import type { ModelManifest } from './manifest.ts';

/** What is read of a schema's issue; zod/mini carries no messages of its own. */
interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly expected?: unknown;
  readonly maximum?: unknown;
  readonly minimum?: unknown;
  readonly keys?: readonly string[];
  readonly values?: readonly unknown[];
}

/**
 * A manifest from parsed JSON: its form, then what its parts say of each other (sizes, hashes, tensors).
 *
 * @throws InvalidManifestError naming the first field that is wrong.
 */
export function parseManifest(json: unknown): ModelManifest {
  const { success, data, error } = manifestSchema.safeParse(json);
  if (!success) throw new InvalidManifestError(describe(error.issues[0] as Issue), { cause: error });
  checkManifest(data);
  return data;
}

/**
 * A manifest from the bytes of its JSON, as a server or a peer sends it.
 *
 * @throws InvalidManifestError
 */
export function decodeManifest(bytes: Uint8Array): ModelManifest {
  if (bytes.byteLength > MAX_MANIFEST_BYTES) {
    throw new InvalidManifestError(`The manifest is longer than ${MAX_MANIFEST_BYTES} bytes.`);
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new InvalidManifestError('The manifest is not JSON.', { cause });
  }
  return parseManifest(json);
}

const MAX_QUOTED_CHARS = 80;

function describe(issue: Issue): string {
  const field = issue.path.length === 0 ? 'The manifest' : issue.path.map(String).join('.');
  return `${field} ${problem(issue)}.`;
}

function problem({ code, expected, maximum, minimum, keys, values }: Issue): string {
  switch (code) {
    case 'invalid_type':
      return `is missing or no ${String(expected)}`;
    case 'too_big':
      return `is above ${String(maximum)}`;
    case 'too_small':
      return `is below ${String(minimum)}`;
    case 'unrecognized_keys':
      return `has the unknown key ${JSON.stringify(keys?.[0] ?? '').slice(0, MAX_QUOTED_CHARS)}`;
    case 'invalid_value':
      return `is not one of ${(values ?? []).join(', ')}`;
    default:
      return 'has the wrong form';
  }
}
