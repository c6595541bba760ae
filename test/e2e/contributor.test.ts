import { readFile } from 'node:fs/promises';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { Relay } from './relay-process.ts';

const MODEL = 'smollm2-135m-instruct';

/** Most memory a process ever held, in bytes. */
async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]) * 1024;
}

describe('the Node contributor', () => {
  it.runIf(process.platform === 'linux')('holds at most 2.5 times the model file, eight answers at once', async () => {
    await using relay = await Relay.start({ contribute: false });
    await using contributor = relay.contributor();
    await relay.until('/readyz');
    const client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const golden = JSON.parse(await readFile(new URL('../fixtures/golden.json', import.meta.url), 'utf8'));
    await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        client.chat.completions.create({
          model: MODEL,
          messages: golden.conversations[index % 6].messages,
          temperature: 1,
          seed: index,
          max_tokens: 100,
        }),
      ),
    );
    const manifest = JSON.parse(
      await readFile(new URL(`../../models/${MODEL}/manifest.json`, import.meta.url), 'utf8'),
    );
    expect((await peakMemory(contributor.child.pid!)) / manifest.files[0].bytes).toBeLessThanOrEqual(2.5);
  });

  it('leaves in order on SIGTERM', async () => {
    await using relay = await Relay.start({ contribute: false });
    await using contributor = relay.contributor();
    await relay.until('/readyz');
    await contributor.kill('SIGTERM');
    expect(contributor.child.exitCode).toBe(0);
    await expect.poll(async () => (await fetch(`${relay.url}/readyz`)).status).toBe(503);
  });
});
