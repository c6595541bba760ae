import { metadataFields } from './metadata-fields.ts';
import type { ModelManifest } from '../manifest.ts';
import type { GgufFile } from './read-gguf.ts';

/** SPDX identifiers by the lower-case names that model cards use. */
const SPDX_IDENTIFIERS: ReadonlyMap<string, string> = new Map(
  [
    'Apache-2.0',
    'MIT',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'CC0-1.0',
    'CC-BY-4.0',
    'CC-BY-SA-4.0',
    'CC-BY-NC-4.0',
    'CC-BY-NC-SA-4.0',
    'CC-BY-NC-ND-4.0',
    'GPL-3.0',
    'AGPL-3.0',
    'LGPL-3.0',
    'MPL-2.0',
    'Unlicense',
  ].map((identifier) => [identifier.toLowerCase(), identifier]),
);

const MAX_FIELD_CHARS = 200;

/** The licence that a GGUF's own metadata names; `NOASSERTION`, SPDX's word for it, where it names none. */
export function licenseFromGguf({ metadata }: GgufFile): ModelManifest['license'] {
  const fields = metadataFields(metadata);
  const license = fields.text('general.license', '');
  const author = fields.text('general.author', fields.text('general.organization', ''));
  const url = fields.text('general.license.link', '');
  return {
    spdx: spdx(license),
    ...(author === '' ? {} : { author: author.slice(0, MAX_FIELD_CHARS) }),
    ...(url === '' ? {} : { url: url.slice(0, MAX_FIELD_CHARS) }),
  };
}

function spdx(license: string): string {
  if (license === '') return 'NOASSERTION';
  const known = SPDX_IDENTIFIERS.get(license.toLowerCase());
  return known ?? `LicenseRef-${license.replaceAll(/[^A-Za-z0-9.-]/g, '-')}`.slice(0, MAX_FIELD_CHARS);
}
