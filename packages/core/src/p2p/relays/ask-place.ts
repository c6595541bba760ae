import type { Connection, Libp2p } from '@libp2p/interface';
import { isPrivate } from '@libp2p/utils';
import { multiaddr } from '@multiformats/multiaddr';
import { isRegion } from '../../capability/region.ts';
import { raceAbort } from '../../wire/race-abort.ts';
import { isDirect } from '../connection-kind.ts';
import { peerName } from '../peer-name.ts';
import { MAX_ADDRESS_CHARS } from './constants.ts';
import type { RelayDescription } from './describe-relay.ts';
import type { OtherRelay } from './relay-directory.ts';
import { dialable } from './relay-place.ts';

/** An address at which a relay is supposed to be. */
export interface AskedPlace {
  /** Where another answer counts as none. */
  readonly region?: string;
  readonly multiaddrs: readonly string[];
}

export interface AskPlaceComponents {
  readonly node: Pick<Libp2p, 'dial'>;
  /** @throws where the other side is no relay */
  askRelay(connection: Connection, options: { signal: AbortSignal }): Promise<RelayDescription>;
  /** The asking relay's, which may be a name of its own. */
  readonly region: string;
}

/**
 * Asks what is at an address: over a connection that this node opened to it, since one that somebody else opened
 * proves nothing about addresses, and what is told of a relay is where it was dialled.
 *
 * @throws what dialling throws, `not_a_relay`, or an error that says what does not fit
 */
export async function askPlace(
  { node, askRelay, region: own }: AskPlaceComponents,
  place: AskedPlace,
  signal: AbortSignal,
): Promise<OtherRelay> {
  const addresses = dialable(place);
  const standing = await raceAbort(node.dial(addresses, { signal }), signal);
  const connection = isDialled(standing)
    ? standing
    : await raceAbort(node.dial(addresses, { signal, force: true }), signal);
  try {
    if (!isDialled(connection)) throw new Error('It cannot be dialled.');
    const { region, serving } = await askRelay(connection, { signal });
    if (region !== (place.region ?? region)) throw new Error(`It is a relay of ${region}, not of ${place.region}.`);
    if (!isRegion(region) && region !== own) throw new Error(`${region} is no region.`);
    const peer = peerName(connection.remotePeer);
    const address = connection.remoteAddr.toString().replace(/\/p2p\/[^/]+$/, '');
    if (address.length > MAX_ADDRESS_CHARS) throw new Error('Its address is too long.');
    return { peer, region, multiaddrs: [`${address}/p2p/${peer}`], serving };
  } catch (error) {
    // Whatever stands there now may be another one, or this connection is no good any more. One that the other side
    // opened is its own: a contributor's, perhaps.
    if (isDialled(connection)) connection.abort(error as Error);
    throw error;
  }
}

const isDialled = (connection: Connection): boolean => connection.direction === 'outbound' && isDirect(connection);

/** Whether an address leads out of this machine and its network. */
export function isPublic(address: string): boolean {
  try {
    return !isPrivate(multiaddr(address));
  } catch {
    return false; // nothing that could be dialled
  }
}
