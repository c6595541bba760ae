import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { profileOf } from '@opengateway/core';
import type { CapabilityProfile } from '@opengateway/core';
import type { DeviceProbe } from '@opengateway/gpu-worker/node';

/** What this machine has for models: of its disk what is free and what models take already, or less where so pledged. */
export async function profileHere(
  probe: DeviceProbe,
  { folder, storageBytes }: { readonly folder: string; readonly storageBytes: number | undefined },
): Promise<CapabilityProfile> {
  const { storage } = probe;
  const quotaBytes = storage === null ? 0 : storage.quotaBytes - storage.usedBytes + (await folderBytes(folder));
  return profileOf({
    device: { ...probe, storage: storage === null ? null : { quotaBytes } },
    pledge: { diskBytes: storageBytes },
  });
}

async function folderBytes(folder: string): Promise<number> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    let bytes = 0;
    for (const { parentPath, name } of files) bytes += (await stat(join(parentPath, name))).size;
    return bytes;
  } catch {
    // Not there yet, or changed while it was counted: what is free counts all the same.
    return 0;
  }
}
