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
      catalogFile: null,
      contribute: true,
      region: 'local',
      trustedProxies: null,
      relays: [],
      hiddenFormat: 'f16',
      iceServers: [],
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
    ['REGION', 'antarctica'],
    ['TRUSTED_PROXIES', '0'],
    ['TRUSTED_PROXIES', '17'],
    ['TRUSTED_PROXIES', 'cloudflare'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '10.0.0.0/8/8'],
    ['TRUSTED_PROXIES', '10.0.0.0/8,'],
    ['RELAYS', 'https://a.example'],
    ['RELAYS', 'asia=https://a.example,mars=https://m.example'],
    ['RELAYS', 'asia=https://a.example/path'],
    ['RELAYS', Array.from({ length: 64 }, (_, index) => `asia=https://a${index}.example`).join(',')],
    ['HIDDEN_FORMAT', 'int8'],
    ['LOG_LEVEL', 'loud'],
    ['ICE_SERVERS', 'stun.example'],
    ['ICE_SERVERS', 'stun:a.example,turn:b.example'],
    ['ICE_SERVERS', 'stun:a,stun:b,stun:c,stun:d,stun:e'],
    ['PUBLIC_URL', 'relay.example'],
    ['PUBLIC_URL', 'https://relay.example/path'],
    ['PUBLIC_URL', 'https://me:secret@relay.example'],
  ])('names %s when it is %j', (name, value) => {
    const found = problems({ OPEN: '1', [name]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(name);
  });

  it('reads the relays of other regions, and names the entry that is wrong', () => {
    expect(readConfig({ RELAYS: ' asia=https://a.example, europe=http://b.example:8080 ,' }).relays).toEqual([
      { region: 'asia', url: 'https://a.example' },
      { region: 'europe', url: 'http://b.example:8080' },
    ]);
    expect(problems({ RELAYS: 'asia=https://a.example,europe=b.example' })[0]).toContain("'europe=b.example'");
  });

  it.each([
    ['1', '203.0.113.9', 0, true],
    ['1', '203.0.113.9', 1, false],
    ['10.0.0.0/8, ::1', '10.1.2.3', 5, true],
    ['10.0.0.0/8, ::1', '::1', 0, true],
    ['10.0.0.0/8, ::1', '11.1.2.3', 0, false],
  ])('trusts with TRUSTED_PROXIES=%s the address %s at hop %i: %s', (setting, text, hop, trusted) => {
    const family = text.includes(':') ? 'ipv6' : 'ipv4';
    expect(readConfig({ TRUSTED_PROXIES: setting }).trustedProxies?.({ text, family }, hop)).toBe(trusted);
  });

  it.each([
    ['HOST', 'example.com'],
    ['PUBLIC_URL', 'relay.example'],
  ])('says one thing about a %s that is none, also without a key', (name, value) => {
    expect(problems({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name} must be`))]);
  });

  it('reads the servers that help peers to find each other', () => {
    expect(readConfig({ ICE_SERVERS: 'stun:a.example:3478, turn:me:secret@b.example' }).iceServers).toEqual([
      'stun:a.example:3478',
      'turn:me:secret@b.example',
    ]);
  });

  it('lists everything that is wrong at once', () => {
    expect(problems({ PORT: 'x', HOST: '0.0.0.0', LOG_LEVEL: 'loud' })).toHaveLength(3);
  });
});
