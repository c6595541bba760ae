import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseOptions } from './options.ts';

const environment = { XDG_CACHE_HOME: '/cache' };

describe('contribute options', () => {
  it('has a default for everything', () => {
    expect(parseOptions([], environment)).toEqual({
      relay: 'http://127.0.0.1:8080/',
      engine: 'wasm',
      dataDirectory: '/cache/opengateway',
      json: false,
    });
  });

  it('takes every option', () => {
    const args = '--relay https://relay.example:444 --model m-1,m-2 --engine reference --models models';
    const rest =
      '--data-dir data --kv-budget-mb 64 --layers 0-14 --memory-mb 128 --upload-mbit 80 --json --region asia --storage-gb 20';
    expect(parseOptions([...args.split(' '), ...rest.split(' ')], environment)).toEqual({
      relay: 'https://relay.example:444/',
      modelIds: ['m-1', 'm-2'],
      region: 'asia',
      storageBytes: 20e9,
      engine: 'reference',
      models: resolve('models'),
      dataDirectory: resolve('data'),
      kvBudgetBytes: 64 * 1024 * 1024,
      memoryBytes: 128 * 1024 * 1024,
      uploadBytesPerSecond: 10_000_000,
      layers: { start: 0, end: 14 },
      json: true,
    });
  });

  it('prefers DATA_DIR to the cache, and --data-dir to both', () => {
    expect(parseOptions([], { ...environment, DATA_DIR: '/data' })).toMatchObject({ dataDirectory: '/data' });
    expect(parseOptions(['--data-dir', '/mine'], { DATA_DIR: '/data' })).toMatchObject({ dataDirectory: '/mine' });
  });

  it('gives help whatever else is asked', () => {
    expect(parseOptions(['--help', '--engine', 'steam'], environment)).toBe('help');
  });

  it.each([
    [['--bogus'], '--bogus'],
    [['stray'], 'stray'],
    [['--relay'], '--relay'],
    [['--relay', 'localhost:8080'], '--relay localhost:8080'],
    [['--relay', 'ftp://x'], '--relay ftp://x'],
    [['--relay', 'http://h:1/path'], '--relay http://h:1/'],
    [['--relay', 'http://h:1/?a=1'], '--relay http://h:1/'],
    [['--relay', 'http://me:secret@h:1/'], '--relay http://h:1/'],
    [['--engine', 'steam'], '--engine steam'],
    [['--model', 'a,,b'], '--model a,,b'],
    [['--model', 'a,b,a'], 'a is named twice'],
    [['--model', 'a,b,c,d,e,f,g,h,i'], 'at most 8 models'],
    [['--region', 'atlantis'], '--region atlantis'],
    [['--storage-gb', '0.5'], '--storage-gb 0.5'],
    [['--kv-budget-mb', '0'], '--kv-budget-mb 0'],
    [['--kv-budget-mb', '1e3'], '--kv-budget-mb 1e3'],
    [['--kv-budget-mb', '99999999'], '--kv-budget-mb 99999999'],
    [['--threads', '0'], '--threads 0'],
    [['--upload-mbit', '0'], '--upload-mbit 0'],
    [['--memory-mb', 'much'], '--memory-mb much'],
    [['--layers', '14-14'], '--layers 14-14'],
    [['--layers', 'first'], '--layers first'],
    [['--threads', 'all'], '--threads all'],
    [['--json=1'], '--json'],
  ])('refuses %j in one line that names it', (args, named) => {
    expect(() => parseOptions(args, environment)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(named) }),
    );
    expect(() => parseOptions(args, environment)).toThrow(/^[^\n]+\.$/);
  });
});
