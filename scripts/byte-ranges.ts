import type { ByteSource } from '@opengateway/core';

/** How often a range is asked for that did not come. */
const ATTEMPTS = 4;
const FIRST_WAIT_MS = 500;

/**
 * A file at an address that answers ranges, read by them.
 *
 * @throws where it does not answer, or says nothing of its size
 */
export async function openAddress(address: string): Promise<ByteSource> {
  const first = await fetchRange(address, 0, 1);
  const [, size] = /\/(\d+)$/.exec(first.headers.get('content-range') ?? '') ?? [];
  await first.body?.cancel();
  if (size === undefined) throw new Error(`${address} does not answer ranges with its size.`);
  return {
    bytes: Number(size),
    async read(offset, length) {
      const end = Math.min(Number(size), offset + length);
      for (let attempt = 1; ; attempt++) {
        try {
          const bytes = new Uint8Array(await (await fetchRange(address, offset, end - offset)).arrayBuffer());
          if (bytes.byteLength === end - offset) return bytes;
          throw new Error(`${address} answered ${bytes.byteLength} bytes where ${end - offset} were asked for.`);
        } catch (error) {
          if (attempt === ATTEMPTS) throw error;
          await new Promise((resolve) => setTimeout(resolve, FIRST_WAIT_MS * 2 ** (attempt - 1)));
        }
      }
    },
  };
}

async function fetchRange(address: string, start: number, length: number): Promise<Response> {
  const response = await fetch(address, { headers: { range: `bytes=${start}-${start + length - 1}` } });
  if (response.status === 206) return response;
  await response.body?.cancel();
  throw new Error(`${address} answered ${response.status} to a range.`);
}
