import type { CatalogEntry } from '@opengateway/core';
import { modelCoverage } from './coverage.ts';
import type { PeerRow } from './peer-rows.ts';

/** Models of which every layer is held by peers that take requests. */
export const readyModels = (catalog: readonly CatalogEntry[], rows: readonly PeerRow[]): readonly CatalogEntry[] =>
  catalog.filter((entry) => modelCoverage(rows, entry).missing.length === 0);
