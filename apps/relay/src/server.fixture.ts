import { createTestApp } from './app.fixture.ts';
import { hostCheck } from './middleware/allowed-host.ts';
import { startServer } from './server.ts';
import { UpgradeProxy } from './upgrade-proxy.ts';
import type { AppDependencies } from './app.ts';
import type { UpgradeProxyInit, UpgradeTarget } from './upgrade-proxy.ts';

export interface TestServerInit {
  readonly app?: Partial<AppDependencies>;
  readonly target?: UpgradeTarget;
  readonly upgrades?: Partial<UpgradeProxyInit>;
  readonly maxPerAddress?: number;
}

/** A real server on a free port of loopback, on a fake `Completions`. */
export async function startTestServer({ app, target, upgrades: init, ...limits }: TestServerInit = {}) {
  const fixture = createTestApp(app);
  const upgrades = new UpgradeProxy(target ?? { host: '127.0.0.1', port: 1 }, {
    hostAllowed: hostCheck({ loopback: true, publicUrl: null }),
    ...init,
  });
  const server = await startServer({ fetch: fixture.app.fetch, upgrades }, { host: '127.0.0.1', port: 0, ...limits });
  return { ...fixture, server, upgrades, port: server.port, url: `http://127.0.0.1:${server.port}` };
}

/** Resolves once `condition` holds; looks again at every turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
