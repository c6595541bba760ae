import * as z from 'zod/mini';
import { modelPackageSchema } from './models/model-package.ts';

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
});
export type CatalogEntry = z.infer<typeof catalogEntrySchema>;

/** Answer of `GET /bootstrap`: all a newcomer needs to join. */
export const bootstrapSchema = z.object({
  protocol: z.literal(1),
  relay: z.object({
    peer: z.string().check(z.maxLength(128)),
    multiaddrs: z.array(z.string().check(z.maxLength(512))).check(z.maxLength(16)),
  }),
  region: z.string().check(z.maxLength(64)),
  catalog: z.array(catalogEntrySchema).check(z.maxLength(1024)),
});
export type BootstrapDocument = z.infer<typeof bootstrapSchema>;
