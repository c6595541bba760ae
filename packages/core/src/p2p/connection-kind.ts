import type { Connection } from '@libp2p/interface';

/** Whether a connection is open and free of a relay's limits on time and bytes. */
export const isDirect = ({ status, limits }: Connection): boolean => status === 'open' && limits === undefined;

/** Whether a connection runs through a relay. */
export const isRelayed = ({ status, limits }: Connection): boolean => status === 'open' && limits !== undefined;

/** Whether a connection goes from peer to peer by WebRTC, whoever dialled it. */
export const isWebRtc = ({ remoteAddr }: Connection): boolean =>
  remoteAddr.getComponents().some(({ name }) => name === 'webrtc');

/** Whether this side itself dialled an address: as peers dial relays, and nobody else. */
export const isByAddress = (connection: Connection): boolean =>
  isDirect(connection) && connection.direction === 'outbound' && !isWebRtc(connection);

/** What runs on every connection, wanted or not. */
const BACKGROUND_PROTOCOLS = /^\/(ipfs\/(id|ping)|meshsub|floodsub)\//;

/** Whether nothing but what runs on every connection runs on this one; a stream not named yet may be anything. */
export const isSpare = ({ streams }: Connection): boolean =>
  streams.every(({ protocol }) => BACKGROUND_PROTOCOLS.test(protocol));

/** The newest of the given connections. */
export const newest = (connections: readonly Connection[]): Connection | undefined =>
  connections.reduce<Connection | undefined>(
    (last, next) => (last === undefined || next.timeline.open >= last.timeline.open ? next : last),
    undefined,
  );
