import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Hono } from 'hono';
import { parseRange } from '../byte-range.ts';
import { MANIFEST_FILE, PACKAGE_FOLDER } from '../catalog.ts';
import { FILE_READ_BYTES, STALLED_CLIENT_MS } from '../constants.ts';
import { NotFoundError } from '../errors.ts';
import { inPieces, socketBody } from '../socket-body.ts';
import type { Context } from 'hono';
import type { ByteRange } from '../byte-range.ts';
import type { CatalogModel } from '../catalog.ts';

export interface StallOptions {
  /** @default STALLED_CLIENT_MS */
  readonly stalledClientMs?: number;
}

/** What `GET` of a file answers with. */
interface ServedFile {
  readonly size: number;
  readonly type: string;
  readonly etag: string;
  /** Whether the bytes at this address can never change. */
  readonly pinned: boolean;
  read(range: ByteRange): AsyncGenerator<Uint8Array, void, undefined>;
}

/**
 * `GET /models/:id/manifest.json`, the files that the manifest names and those of a compiled package, by ranges.
 * Nothing else in the folder; 307 for files that lie at an address of their own.
 */
export function modelFiles(
  catalog: readonly CatalogModel[],
  { stalledClientMs = STALLED_CLIENT_MS }: StallOptions = {},
): Hono {
  const models = new Map(catalog.map((model) => [model.entry.id, model]));
  const find = (id: string): CatalogModel => {
    const model = models.get(id);
    if (model === undefined) throw new NotFoundError('This file');
    return model;
  };
  return new Hono()
    .get('/:id/:file', (c) => {
      const { id, file: name } = c.req.param();
      const model = find(id);
      // A manifest's address stays the same when the model changes, the hash in the query does not.
      const pinned = c.req.query('manifest') === model.entry.manifest;
      const etag = `"${model.entry.manifest.slice(0, 32)}-${name}"`;
      if (name === MANIFEST_FILE) {
        const { manifestBytes } = model;
        return sendFile(
          c,
          {
            size: manifestBytes.byteLength,
            type: 'application/json',
            etag,
            pinned,
            read: ({ start, end }) => inPieces(manifestBytes.subarray(start, end)),
          },
          stalledClientMs,
        );
      }
      const file = model.manifest.files.find((candidate) => candidate.name === name);
      if (file === undefined) throw new NotFoundError('This file');
      const elsewhere = model.fileUrls.get(name);
      if (elsewhere !== undefined) return c.redirect(elsewhere, 307);
      return sendFile(
        c,
        {
          size: file.bytes,
          type: 'application/octet-stream',
          etag,
          pinned,
          read: (range) => filePieces(join(model.directory, name), range),
        },
        stalledClientMs,
      );
    })
    .get(`/:id/${PACKAGE_FOLDER}/:path{.+}`, (c) => {
      const { id, path } = c.req.param();
      const model = find(id);
      const file = model.packageFiles.get(path);
      if (file === undefined) throw new NotFoundError('This file');
      const type = path.endsWith('.wasm') ? 'application/wasm' : 'application/octet-stream';
      return sendFile(
        c,
        {
          size: file.bytes,
          type,
          etag: `"${file.modifiedMs}-${file.bytes}"`,
          pinned: false,
          read: (range) => filePieces(join(model.directory, PACKAGE_FOLDER, path), range),
        },
        stalledClientMs,
      );
    });
}

function sendFile(c: Context, { size, type, etag, pinned, read }: ServedFile, stalledMs: number): Response {
  c.header('etag', etag);
  c.header('cache-control', pinned ? 'public, max-age=31536000, immutable' : 'no-cache');
  c.header('accept-ranges', 'bytes');
  if (c.req.header('if-none-match') === etag) return c.body(null, 304);

  const ifRange = c.req.header('if-range');
  const range = ifRange === undefined || ifRange === etag ? parseRange(c.req.header('range'), size) : undefined;
  c.header('content-type', type);
  if (range === 'unsatisfiable') {
    c.header('content-range', `bytes */${size}`);
    return c.body(null, 416);
  }
  const { start, end } = range ?? { start: 0, end: size };
  if (range !== undefined) c.header('content-range', `bytes ${start}-${end - 1}/${size}`);
  c.header('content-length', String(end - start));
  const status = range === undefined ? 200 : 206;
  if (c.req.method === 'HEAD' || size === 0) return c.body(null, status);
  return c.body(socketBody(c, read({ start, end }), { stalledMs }), status);
}

/** Reads a file piece by piece, as fast as it is taken; opened at the first piece, closed at the last. */
async function* filePieces(path: string, { start, end }: ByteRange): AsyncGenerator<Uint8Array, void, undefined> {
  const handle = await open(path, 'r');
  try {
    for (let position = start; position < end;) {
      const buffer = new Uint8Array(Math.min(FILE_READ_BYTES, end - position));
      const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, position);
      if (bytesRead === 0) throw new Error('The file is shorter than its manifest says.');
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
