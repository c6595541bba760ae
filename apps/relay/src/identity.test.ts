import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadIdentity } from './identity.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opengateway-identity-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('loadIdentity', () => {
  it('makes a key once and keeps it where only its owner reads it', async () => {
    const directory = join(folder, 'data');
    const key = await loadIdentity(directory);
    expect(Buffer.from(await loadIdentity(directory))).toEqual(Buffer.from(key));
    const { mode } = await stat(join(directory, 'relay-identity.key'));
    if (process.platform !== 'win32') expect(mode & 0o777).toBe(0o600);
  });

  it('names DATA_DIR when it cannot be used', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(loadIdentity(join(folder, 'file'))).rejects.toMatchObject({
      code: 'data_directory',
      message: expect.stringContaining('DATA_DIR'),
    });
  });
});
