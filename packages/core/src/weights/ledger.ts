import { MAX_LEDGER_PEERS } from './constants.ts';
import type { PeerName } from '../ids.ts';

/** What this device and one peer gave each other, in bytes of chunks. */
export interface PeerAccount {
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** Bytes exchanged with each peer; the peer that was heard of longest ago is forgotten for a new one. */
export interface Ledger {
  sent(peer: PeerName, bytes: number): void;
  received(peer: PeerName, bytes: number): void;
  account(peer: PeerName): PeerAccount;
  accounts(): ReadonlyMap<PeerName, PeerAccount>;
}

export function createLedger(): Ledger {
  const accounts = new Map<PeerName, PeerAccount>();
  const account = (peer: PeerName): PeerAccount => accounts.get(peer) ?? { bytesSent: 0, bytesReceived: 0 };
  const put = (peer: PeerName, change: Partial<PeerAccount>) => {
    const next = { ...account(peer), ...change };
    accounts.delete(peer);
    accounts.set(peer, next);
    const [oldest] = accounts.keys();
    if (accounts.size > MAX_LEDGER_PEERS && oldest !== undefined) accounts.delete(oldest);
  };
  return {
    sent: (peer, bytes) => put(peer, { bytesSent: account(peer).bytesSent + bytes }),
    received: (peer, bytes) => put(peer, { bytesReceived: account(peer).bytesReceived + bytes }),
    account,
    accounts: () => accounts,
  };
}
