import { ENGINE_KINDS } from '@opengateway/core';
import type { PeerName, RouteStage } from '@opengateway/core';
import { MAX_ROUTE_HEADER_CHARS } from '../constants.ts';

/** Name of the response header that says who computes. */
export const ROUTE_HEADER = 'x-opengateway-route';

/** Reads `[{"peer","engine","layers":[start,end]}]`; anything else gives no stages. */
export function parseRoute(text: string | null): RouteStage[] {
  if (text === null || text.length > MAX_ROUTE_HEADER_CHARS) return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not JSON: the answer itself may still be good, so only the line about its origin is lost.
    return [];
  }
  if (!Array.isArray(value)) return [];
  const stages = value.map(parseStage);
  return stages.every((stage) => stage !== null) ? stages : [];
}

function parseStage(value: unknown): RouteStage | null {
  const { peer, engine, layers } = (value ?? {}) as Record<string, unknown>;
  const kind = ENGINE_KINDS.find((known) => known === engine);
  if (typeof peer !== 'string' || kind === undefined || !Array.isArray(layers)) return null;
  const [start, end] = layers as unknown[];
  if (!Number.isInteger(start) || !Number.isInteger(end)) return null;
  return { peer: peer as PeerName, engine: kind, layers: { start: start as number, end: end as number } };
}
