import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { HIDDEN_FORMATS, isRegion, OpenGatewayError, REGIONS } from '@opengateway/core';
import { MAX_ICE_SERVER_CHARS, MAX_ICE_SERVERS, parseIceServer } from '@opengateway/core/p2p';
import * as z from 'zod';
import { parseTrustedProxies } from './geo/trusted-proxies.ts';
import { parseRelays } from './known-relays.ts';
import type { HiddenFormat, KnownRelay } from '@opengateway/core';
import type { TrustedProxies } from './geo/trusted-proxies.ts';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export interface RelayConfig {
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  /** Whether only this machine can reach `host`. */
  readonly loopback: boolean;
  /** Bearer key that `/v1` and `/metrics` ask for; null asks for none. */
  readonly apiKey: string | null;
  /** Address the world reaches this relay by, where a proxy stands in front; null: as each request says. */
  readonly publicUrl: URL | null;
  readonly dataDirectory: string;
  readonly modelsDirectory: string;
  /** The operator's own list of models; null: those of `modelsDirectory` alone. */
  readonly catalogFile: string | null;
  readonly contribute: boolean;
  /** One of the seven, or `local`. */
  readonly region: string;
  /** Whose `X-Forwarded-For` counts; null: nobody's. */
  readonly trustedProxies: TrustedProxies | null;
  /** Other relays, for clients and requests of other regions. */
  readonly relays: readonly KnownRelay[];
  /** Of what the stages of a chain send each other, for the answers of `/v1`. */
  readonly hiddenFormat: HiddenFormat;
  /** STUN and TURN servers that peers are told to use, as `parseIceServer` reads them. */
  readonly iceServers: readonly string[];
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

/** One or more settings are wrong; the message has a line for each, with what to do. */
export class ConfigError extends OpenGatewayError {
  static override readonly name = 'ConfigError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super('invalid_config', problems.join('\n'));
    this.problems = problems;
  }
}

/** The region of a relay on somebody's own machine. */
export const LOCAL_REGION = 'local';

/** A key shorter than this can be guessed. */
export const MIN_API_KEY_CHARS = 16;

const flag = (name: string, fallback: boolean) =>
  z
    .enum(['0', '1'], { error: `${name} must be 0 or 1.` })
    .optional()
    .transform((value) => (value === undefined ? fallback : value === '1'));

const settings = z.object({
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, { error: 'PORT must be a number from 0 to 65535, e.g. PORT=8080.' })
    .transform(Number)
    .refine((port) => port <= 65_535, { error: 'PORT must be a number from 0 to 65535, e.g. PORT=8080.' })
    .default(8080),
  HOST: z
    .string()
    .refine(isListenable, {
      error: 'HOST must be the address to listen on: localhost or an IP address, e.g. HOST=0.0.0.0.',
    })
    .default('127.0.0.1'),
  API_KEY: z
    .string()
    .min(MIN_API_KEY_CHARS, { error: `API_KEY must have at least ${MIN_API_KEY_CHARS} characters.` })
    .regex(/^[\x21-\x7e]+$/, { error: 'API_KEY must be printable ASCII without spaces, as it travels in a header.' })
    .optional(),
  OPEN: flag('OPEN', false),
  PUBLIC_URL: z
    .string()
    .refine(isOrigin, {
      error:
        'PUBLIC_URL must be the address clients use, without a path, user or password, e.g. PUBLIC_URL=https://relay.example.',
    })
    .transform((url) => new URL(url))
    .optional(),
  DATA_DIR: z.string().default('.opengateway'),
  MODELS_DIR: z.string().default('models'),
  CATALOG: z.string().optional(),
  CONTRIBUTE: flag('CONTRIBUTE', true),
  REGION: z
    .string()
    .refine((region) => isRegion(region) || region === LOCAL_REGION, {
      error: `REGION must be one of ${REGIONS.join(', ')}, or ${LOCAL_REGION}.`,
    })
    .default(LOCAL_REGION),
  TRUSTED_PROXIES: z
    .string()
    .transform((text, context) => {
      const proxies = parseTrustedProxies(text);
      if (proxies !== undefined) return proxies;
      context.addIssue(
        'TRUSTED_PROXIES must say how many proxies stand in front, or list their addresses and networks, e.g. TRUSTED_PROXIES=1 or TRUSTED_PROXIES=10.0.0.0/8,::1.',
      );
      return z.NEVER;
    })
    .optional(),
  RELAYS: z
    .string()
    .transform((text, context) => {
      try {
        return parseRelays(text);
      } catch (error) {
        context.addIssue((error as Error).message);
        return z.NEVER;
      }
    })
    .default([]),
  HIDDEN_FORMAT: z
    .enum(HIDDEN_FORMATS, { error: `HIDDEN_FORMAT must be one of ${HIDDEN_FORMATS.join(', ')}.` })
    .default('f16'),
  ICE_SERVERS: z
    .string()
    .transform((text) => text.split(',').map((server) => server.trim()))
    .refine(areIceServers, {
      error: `ICE_SERVERS must be up to ${MAX_ICE_SERVERS} servers, separated by commas, each as stun:HOST:PORT or turn:USER:PASSWORD@HOST:PORT, e.g. ICE_SERVERS=stun:stun.example:3478.`,
    })
    .default([]),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: `LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}.` }).default('info'),
});

/**
 * Reads the relay's settings; an empty value counts as not set.
 *
 * @throws ConfigError listing everything that is wrong at once.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): RelayConfig {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = settings.safeParse(given);
  const problems = parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
  problems.push(...exposureProblems(given));
  if (!parsed.success || problems.length > 0) throw new ConfigError([...new Set(problems)]);

  const { data } = parsed;
  return {
    port: data.PORT,
    host: data.HOST,
    loopback: isLoopback(data.HOST),
    apiKey: data.API_KEY ?? null,
    publicUrl: data.PUBLIC_URL ?? null,
    dataDirectory: resolve(data.DATA_DIR),
    modelsDirectory: resolve(data.MODELS_DIR),
    catalogFile: data.CATALOG === undefined ? null : resolve(data.CATALOG),
    contribute: data.CONTRIBUTE,
    region: data.REGION,
    trustedProxies: data.TRUSTED_PROXIES ?? null,
    relays: data.RELAYS,
    hiddenFormat: data.HIDDEN_FORMAT,
    iceServers: data.ICE_SERVERS,
    logLevel: data.LOG_LEVEL,
  };
}

/** A relay that others can reach is open to all only when someone said so. */
function exposureProblems(given: Readonly<Record<string, string | undefined>>): string[] {
  if (given.API_KEY !== undefined || given.OPEN === '1') return [];
  const advice = 'set API_KEY, or OPEN=1 to let anyone use it.';
  const problems = [];
  if (given.HOST !== undefined && isListenable(given.HOST) && !isLoopback(given.HOST)) {
    problems.push(`HOST=${given.HOST} lets other machines use this relay: ${advice}`);
  }
  if (given.PUBLIC_URL !== undefined && isOrigin(given.PUBLIC_URL))
    problems.push(`PUBLIC_URL makes this relay public: ${advice}`);
  return problems;
}

function areIceServers(servers: readonly string[]): boolean {
  return (
    servers.length <= MAX_ICE_SERVERS &&
    servers.every((server) => server.length <= MAX_ICE_SERVER_CHARS && parseIceServer(server) !== undefined)
  );
}

function isListenable(host: string): boolean {
  return host === 'localhost' || isIP(host) > 0;
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.\d/.test(host);

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  // Nothing but scheme, host and port: credentials would be told to everyone who asks for the bootstrap.
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
}
