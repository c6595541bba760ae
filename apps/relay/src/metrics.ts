import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What the gauges read when someone asks. */
export interface MetricsSources {
  readonly peers: () => number;
  readonly activeAnswers: () => number;
  readonly upgradedConnections: () => number;
  readonly waitingRequests: () => number;
  /** Since the start. */
  readonly relayedBytes: () => number;
  readonly reservations: () => number;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** Every metric of the relay, in a registry of its own. */
export function createMetrics(sources: MetricsSources, { processMetrics = false } = {}) {
  const registry = new Registry();
  const registers = [registry];
  if (processMetrics) collectDefaultMetrics({ register: registry });

  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('opengateway_peers', 'Contributors whose adverts are current.', sources.peers);
  gauge('opengateway_active_answers', 'Answers being computed or streamed now.', sources.activeAnswers);
  gauge('opengateway_waiting_requests', 'Requests in line while every contributor is full.', sources.waitingRequests);
  gauge('opengateway_upgraded_connections', 'WebSocket connections handed to libp2p.', sources.upgradedConnections);
  gauge('opengateway_reservations', 'Peers that others can reach through this relay.', sources.reservations);

  return {
    registry,
    relayedBytes: new Counter({
      name: 'opengateway_relayed_bytes_total',
      help: 'Bytes that went from peer to peer through this relay.',
      registers,
      collect() {
        this.reset();
        this.inc(sources.relayedBytes());
      },
    }),
    requests: new Counter({
      name: 'opengateway_http_requests_total',
      help: 'HTTP requests by route and status.',
      labelNames: ['route', 'method', 'status'],
      registers,
    }),
    promptTokens: new Counter({
      name: 'opengateway_prompt_tokens_total',
      help: 'Prompt tokens of finished answers.',
      labelNames: ['model'],
      registers,
    }),
    completionTokens: new Counter({
      name: 'opengateway_completion_tokens_total',
      help: 'Tokens of finished answers.',
      labelNames: ['model'],
      registers,
    }),
    failovers: new Counter({
      name: 'opengateway_failovers_total',
      help: 'Answers carried on by another contributor.',
      registers,
    }),
    timeToFirstToken: new Histogram({
      name: 'opengateway_time_to_first_token_seconds',
      help: 'From the request to the first text of an answer.',
      buckets: [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6],
      registers,
    }),
    tokensPerSecond: new Histogram({
      name: 'opengateway_decode_tokens_per_second',
      help: 'Decoding speed of finished answers, each on its own.',
      buckets: [1, 2, 5, 10, 20, 40, 60, 80, 100, 150, 200, 400],
      registers,
    }),
  };
}
