import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OpenGatewayError } from '@opengateway/core';
import { generatePrivateKey } from '@opengateway/core/p2p';

/** The folder for what a relay keeps cannot be used. */
export class DataDirectoryError extends OpenGatewayError {
  static override readonly name = 'DataDirectoryError';
  constructor(directory: string, cause: unknown) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    super('data_directory', `DATA_DIR ${directory} cannot be used: ${problem}`, { cause });
  }
}

const IDENTITY_FILE = 'relay-identity.key';

/**
 * The relay's private key, made at the first start and kept, so that peers find the same relay again.
 *
 * @throws DataDirectoryError
 */
export async function loadIdentity(dataDirectory: string): Promise<Uint8Array> {
  const path = join(dataDirectory, IDENTITY_FILE);
  try {
    await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
    const key = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (key !== undefined) {
      await chmod(path, 0o600);
      return key;
    }
    const fresh = await generatePrivateKey();
    await writeFile(path, fresh, { mode: 0o600, flag: 'wx' });
    return fresh;
  } catch (cause) {
    throw new DataDirectoryError(dataDirectory, cause);
  }
}
