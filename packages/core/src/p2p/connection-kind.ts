import type { Connection } from '@libp2p/interface';

/** Whether a connection is open and free of a relay's limits on time and bytes. */
export const isDirect = ({ status, limits }: Connection): boolean => status === 'open' && limits === undefined;

/** Whether a connection runs through a relay. */
export const isRelayed = ({ status, limits }: Connection): boolean => status === 'open' && limits !== undefined;

/** Whether a connection goes from peer to peer by WebRTC, whoever dialled it. */
export const isWebRtc = ({ remoteAddr }: Connection): boolean =>
  remoteAddr.getComponents().some(({ name }) => name === 'webrtc');

/** Whether a connection of a peer leads to a relay: one that this peer itself dialled by address. */
export const isToRelay = (connection: Connection): boolean =>
  isDirect(connection) && connection.direction === 'outbound' && !isWebRtc(connection);

/** The newest of the given connections. */
export const newest = (connections: readonly Connection[]): Connection | undefined =>
  connections.reduce<Connection | undefined>(
    (last, next) => (last === undefined || next.timeline.open >= last.timeline.open ? next : last),
    undefined,
  );
