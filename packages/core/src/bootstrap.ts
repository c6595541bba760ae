import * as z from 'zod/mini';
import { TIERS, tierOfBytes } from './capability/tiers.ts';
import type { Tier } from './capability/tiers.ts';
import { modelPackageSchema } from './models/model-package.ts';
import { MAX_ICE_SERVER_CHARS, MAX_ICE_SERVERS } from './p2p/constants.ts';
import { ICE_SERVER } from './p2p/ice-servers.ts';

/** Models of one relay. */
export const MAX_CATALOG_ENTRIES = 1024;

/** A model a region's relay offers to be served. */
export const catalogEntrySchema = z.object({
  id: z.string().check(z.regex(/^[a-z0-9][a-z0-9._-]{0,95}$/)),
  name: z.string().check(z.maxLength(200)),
  /** Identity: sha256 of the manifest's canonical form. */
  manifest: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  /** Path or address of the manifest; weight files lie beside it under their own names. */
  manifestUrl: z.string().check(z.maxLength(2048)),
  bytes: z.int().check(z.nonnegative()),
  layerCount: z.int().check(z.positive()),
  contextLength: z.int().check(z.positive()),
  license: z.string().check(z.maxLength(200)),
  /**
   * Where the weights are a compiled package, which only the engine it names can serve; the manifest then gives
   * tokenizer, template and shapes. Absent: the manifest's own files.
   */
  package: z.optional(modelPackageSchema),
  /** What a node needs for it; relays always say so. Absent: by its bytes, see `entryTier`. */
  tier: z.optional(z.enum(TIERS)),
});
export type CatalogEntry = z.infer<typeof catalogEntrySchema>;

/** The tier whose cluster serves a model. */
export const entryTier = ({ tier, bytes }: Pick<CatalogEntry, 'tier' | 'bytes'>): Tier => tier ?? tierOfBytes(bytes);

/** How a client's region was found: its address, the relay's own for want of one, or its own word. */
export const REGION_SOURCES = ['address', 'relay', 'override'] as const;
export type RegionSource = (typeof REGION_SOURCES)[number];

const region = z.string().check(z.maxLength(64));

/** Most relays that one answer names. */
export const MAX_KNOWN_RELAYS = 64;

/** Addresses of one relay that are told, and the longest of them. */
export const MAX_KNOWN_RELAY_ADDRESSES = 16;
export const MAX_KNOWN_RELAY_ADDRESS_CHARS = 512;

const relayAddresses = z
  .array(z.string().check(z.maxLength(MAX_KNOWN_RELAY_ADDRESS_CHARS)))
  .check(z.maxLength(MAX_KNOWN_RELAY_ADDRESSES));

/** A relay that is known, by the address of its site. */
export const knownRelaySchema = z.object({
  region,
  url: z.string().check(z.maxLength(2048)),
  /** Where peers dial it, where that is known. */
  multiaddrs: z.optional(relayAddresses),
});
export type KnownRelay = z.infer<typeof knownRelaySchema>;

/** Strangers have their say in this list: an entry that is wrong is left out, and hides nothing else. */
const knownRelays = z.pipe(
  z.array(z.unknown()),
  z.transform((entries: unknown[]) => {
    const relays = entries.map((entry) => knownRelaySchema.safeParse(entry)).flatMap(({ data }) => data ?? []);
    return relays.slice(0, MAX_KNOWN_RELAYS);
  }),
);

/** Answer of `GET /bootstrap`: all a newcomer needs to join. */
export const bootstrapSchema = z.object({
  protocol: z.literal(1),
  relay: z.object({
    peer: z.string().check(z.maxLength(128)),
    multiaddrs: relayAddresses,
  }),
  /** This relay's: the one to join here. */
  region,
  /** Where whoever asked is, and how that is known. */
  client: z.optional(z.object({ region, regionSource: z.enum(REGION_SOURCES) })),
  /** This relay and those it knows, nearest to the client first. */
  relays: z.optional(knownRelays),
  catalog: z.array(catalogEntrySchema).check(z.maxLength(MAX_CATALOG_ENTRIES)),
  /** STUN and TURN servers that peers use to find direct ways to each other; absent: none. */
  iceServers: z.optional(
    z
      .array(z.string().check(z.maxLength(MAX_ICE_SERVER_CHARS), z.regex(ICE_SERVER)))
      .check(z.maxLength(MAX_ICE_SERVERS)),
  ),
  /** Models of the catalogue that somebody here serves now, by id. */
  serving: z.optional(z.array(z.string().check(z.maxLength(96))).check(z.maxLength(MAX_CATALOG_ENTRIES))),
});
export type BootstrapDocument = z.infer<typeof bootstrapSchema>;
