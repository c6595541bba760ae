import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Hono } from 'hono';
import { parseRange } from '../byte-range.ts';
import { MANIFEST_FILE, PACKAGE_FOLDER } from '../catalog.ts';
import { FILE_READ_BYTES } from '../constants.ts';
import { NotFoundError } from '../errors.ts';
import type { FileHandle } from 'node:fs/promises';
import type { Context } from 'hono';
import type { ByteRange } from '../byte-range.ts';
import type { CatalogModel } from '../catalog.ts';

/** What `GET` of a file answers with. */
interface ServedFile {
  readonly size: number;
  readonly type: string;
  readonly etag: string;
  /** Whether the bytes at this address can never change. */
  readonly pinned: boolean;
  read(range: ByteRange): ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>;
}

/**
 * `GET /models/:id/manifest.json`, the files that the manifest names and those of a compiled package, by ranges.
 * Nothing else in the folder.
 */
export function modelFiles(catalog: readonly CatalogModel[]): Hono {
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
        return sendFile(c, {
          size: manifestBytes.byteLength,
          type: 'application/json',
          etag,
          pinned,
          read: ({ start, end }) => Uint8Array.from(manifestBytes.subarray(start, end)),
        });
      }
      const file = model.manifest.files.find((candidate) => candidate.name === name);
      if (file === undefined) throw new NotFoundError('This file');
      return sendFile(c, {
        size: file.bytes,
        type: 'application/octet-stream',
        etag,
        pinned,
        read: (range) => fileStream(join(model.directory, name), range),
      });
    })
    .get(`/:id/${PACKAGE_FOLDER}/:path{.+}`, (c) => {
      const { id, path } = c.req.param();
      const model = find(id);
      const file = model.packageFiles.get(path);
      if (file === undefined) throw new NotFoundError('This file');
      const type = path.endsWith('.wasm') ? 'application/wasm' : 'application/octet-stream';
      return sendFile(c, {
        size: file.bytes,
        type,
        etag: `"${file.modifiedMs}-${file.bytes}"`,
        pinned: false,
        read: (range) => fileStream(join(model.directory, PACKAGE_FOLDER, path), range),
      });
    });
}

function sendFile(c: Context, { size, type, etag, pinned, read }: ServedFile): Response {
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
  return c.body(read({ start, end }), status);
}

/** Reads a file piece by piece, as fast as it is taken; opened at the first piece, closed at the last. */
function fileStream(path: string, { start, end }: ByteRange): ReadableStream<Uint8Array> {
  let handle: FileHandle | undefined;
  let position = start;
  const close = async (): Promise<void> => {
    const opened = handle;
    handle = undefined;
    await opened?.close();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          handle ??= await open(path, 'r');
          const buffer = new Uint8Array(Math.min(FILE_READ_BYTES, end - position));
          const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, position);
          if (bytesRead === 0) throw new Error('The file is shorter than its manifest says.');
          position += bytesRead;
          controller.enqueue(buffer.subarray(0, bytesRead));
          if (position < end) return;
        } catch (error) {
          await close();
          throw error;
        }
        await close();
        controller.close();
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}
