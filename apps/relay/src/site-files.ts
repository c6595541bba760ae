import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { MAX_SITE_FILE_BYTES, MAX_SITE_FILES } from './constants.ts';

type Bytes = Uint8Array<ArrayBuffer>;

export interface SiteFile {
  readonly etag: string;
  readonly type: string;
  /** Its name carries its hash. */
  readonly immutable: boolean;
  /** The smallest form that `acceptEncoding` allows. */
  encoded(acceptEncoding: string): { readonly bytes: Bytes; readonly encoding?: 'br' | 'gzip' };
}

export interface SiteFiles {
  /** A file by its path in the site's folder, `/` between parts; undefined if it was not there at start. */
  get(name: string): Promise<SiteFile | undefined>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};

const COMPRESSED: ReadonlySet<string> = new Set([
  '.css',
  '.html',
  '.js',
  '.json',
  '.map',
  '.mjs',
  '.svg',
  '.txt',
  '.wasm',
]);

/** Good size at a speed that a first visitor does not notice. */
const BROTLI_QUALITY = 5;

/**
 * Lists the built site once; each file is read and compressed when it is first asked for, and kept.
 *
 * Only names on that list are served, so that no path can lead out of the folder.
 */
export async function loadSite(directory: string): Promise<SiteFiles> {
  const names = new Set(await listFiles(directory));
  const loaded = new Map<string, Promise<SiteFile>>();
  return {
    async get(name) {
      if (!names.has(name)) return undefined;
      let file = loaded.get(name);
      if (file === undefined) {
        file = loadFile(directory, name);
        loaded.set(name, file);
        file.catch(() => loaded.delete(name));
      }
      return await file;
    },
  };
}

async function listFiles(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .slice(0, MAX_SITE_FILES)
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)).split(sep).join('/'));
  } catch (error) {
    // Not built: the API works without a site, and the pages say what to do.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function loadFile(directory: string, name: string): Promise<SiteFile> {
  const path = join(directory, name);
  const { size } = await stat(path);
  if (size > MAX_SITE_FILE_BYTES) throw new Error(`${name} is larger than ${MAX_SITE_FILE_BYTES} bytes.`);
  const bytes = Uint8Array.from(await readFile(path));
  const extension = extname(name);
  const compressed = COMPRESSED.has(extension) ? await compress(bytes) : [];
  return {
    etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`,
    type: TYPES[extension] ?? 'application/octet-stream',
    immutable: name.startsWith('assets/'),
    encoded: (acceptEncoding) => {
      const accepted = new Set(acceptEncoding.split(',').map((part) => part.trim()));
      return compressed.find((form) => accepted.has(form.encoding)) ?? { bytes };
    },
  };
}

async function compress(bytes: Bytes): Promise<readonly { bytes: Bytes; encoding: 'br' | 'gzip' }[]> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };
  const [br, gz] = await Promise.all([promisify(brotliCompress)(bytes, { params }), promisify(gzip)(bytes)]);
  return [
    { bytes: Uint8Array.from(br), encoding: 'br' as const },
    { bytes: Uint8Array.from(gz), encoding: 'gzip' as const },
  ].filter((form) => form.bytes.byteLength < bytes.byteLength);
}
