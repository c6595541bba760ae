import { errorCode, MAX_WIRE_ERROR_MESSAGE_CHARS, nearestFirst, OpenGatewayError, regionName } from '@opengateway/core';
import { AUTO_MODEL } from './catalog.ts';
import { MAX_NAMED_MODELS, MAX_NAMED_RELAYS } from './constants.ts';
import { ModelUnavailableError } from './errors.ts';
import type { KnownRelay } from '@opengateway/core';

export interface UnavailableComponents {
  /** The relay's own. */
  readonly region: string;
  /** Models that can be answered with here now. */
  readonly serving: () => readonly string[];
  /** Other relays that serve a model now; without a name those that serve any. */
  readonly relaysWith: (model?: string) => readonly KnownRelay[];
}

const UNAVAILABLE: ReadonlySet<string> = new Set(['no_route', 'model_not_ready', 'model_not_found']);

/** Adds to the failure of a request for a model that is not to be had here what is, and who has the model. */
export function explainUnavailable(
  error: unknown,
  model: string,
  { region, serving, relaysWith }: UnavailableComponents,
): unknown {
  const code = errorCode(error);
  if (code === undefined || !UNAVAILABLE.has(code) || !(error instanceof Error)) return error;
  const isAny = model === AUTO_MODEL;
  // Whoever asks for any model and gets none is told of none here.
  const here = isAny ? [] : serving().filter((id) => id !== model);
  const there = nearestFirst(isAny ? relaysWith() : relaysWith(model), region).slice(0, MAX_NAMED_RELAYS);
  const words = [
    ...(here.length > 0 ? [`Served here now: ${listed(here)}.`] : []),
    ...there.map((relay) => `${regionName(relay.region)} serves ${isAny ? 'some' : model}: ${relay.url}`),
  ].join(' ');
  if (words === '') return error;
  const first = error.message.slice(0, Math.max(0, MAX_WIRE_ERROR_MESSAGE_CHARS - words.length - 1));
  return new ModelUnavailableError(`${first} ${words}`, error as OpenGatewayError);
}

function listed(models: readonly string[]): string {
  const more = models.length - MAX_NAMED_MODELS;
  return `${models.slice(0, MAX_NAMED_MODELS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
