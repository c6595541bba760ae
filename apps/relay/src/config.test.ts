import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

const problems = (environment: Record<string, string>): readonly string[] => {
  try {
    readConfig(environment);
  } catch (error) {
    return (error as ConfigError).problems;
  }
  return [];
};

describe('readConfig', () => {
  it('needs no settings at all', () => {
    expect(readConfig({})).toEqual({
      port: 8080,
      host: '127.0.0.1',
      loopback: true,
      apiKey: null,
      publicUrl: null,
      dataDirectory: resolve('.opengateway'),
      modelsDirectory: resolve('models'),
      contribute: true,
      region: 'local',
      hiddenFormat: 'f16',
      logLevel: 'info',
    });
  });

  it('treats an empty setting as absent', () => {
    expect(readConfig({ PORT: '', HOST: '', API_KEY: '' })).toEqual(readConfig({}));
  });

  it('asks for a key or OPEN=1 before others can reach the relay', () => {
    expect(problems({ HOST: '0.0.0.0' })[0]).toMatch(/^HOST=0\.0\.0\.0 .*API_KEY.*OPEN=1/);
    expect(problems({ PUBLIC_URL: 'https://relay.example' })[0]).toMatch(/^PUBLIC_URL .*API_KEY/);
    expect(readConfig({ HOST: '0.0.0.0', OPEN: '1' }).loopback).toBe(false);
    expect(readConfig({ HOST: '::', API_KEY: 'a-key-long-enough' }).apiKey).toBe('a-key-long-enough');
    for (const host of ['localhost', '::1', '127.0.0.53']) expect(readConfig({ HOST: host }).loopback).toBe(true);
  });

  it.each([
    ['PORT', '80 80'],
    ['PORT', '65536'],
    ['HOST', 'example.com'],
    ['API_KEY', 'short'],
    ['API_KEY', 'a key with spaces in it'],
    ['OPEN', 'yes'],
    ['CONTRIBUTE', 'no'],
    ['REGION', 'Far East'],
    ['HIDDEN_FORMAT', 'int8'],
    ['LOG_LEVEL', 'loud'],
    ['PUBLIC_URL', 'relay.example'],
    ['PUBLIC_URL', 'https://relay.example/path'],
    ['PUBLIC_URL', 'https://me:secret@relay.example'],
  ])('names %s when it is %j', (name, value) => {
    const found = problems({ OPEN: '1', [name]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(name);
  });

  it.each([
    ['HOST', 'example.com'],
    ['PUBLIC_URL', 'relay.example'],
  ])('says one thing about a %s that is none, also without a key', (name, value) => {
    expect(problems({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name} must be`))]);
  });

  it('lists everything that is wrong at once', () => {
    expect(problems({ PORT: 'x', HOST: '0.0.0.0', LOG_LEVEL: 'loud' })).toHaveLength(3);
  });
});
