/** A STUN or TURN server, as WebRTC takes it. */
export interface IceServer {
  readonly urls: string[];
  readonly username?: string;
  readonly credential?: string;
}

/** `stun:host:port`, or `turn:user:password@host:port?transport=udp`; also `stuns:` and `turns:`. */
export const ICE_SERVER =
  /^(?:(?<stun>stuns?):|(?<turn>turns?):(?<username>[^\s:@]+):(?<credential>[^\s:@]+)@)(?<host>(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?)(?<query>\?transport=(?:udp|tcp))?$/;

/** The server that `text` names, undefined where it names none. */
export function parseIceServer(text: string): IceServer | undefined {
  const { stun, turn, username, credential, host, query = '' } = ICE_SERVER.exec(text)?.groups ?? {};
  if (host === undefined) return undefined;
  if (stun !== undefined) return query === '' ? { urls: [`${stun}:${host}`] } : undefined;
  if (turn === undefined || username === undefined || credential === undefined) return undefined;
  return { urls: [`${turn}:${host}${query}`], username, credential };
}
