import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { contributorLaunch } from '../../apps/contributor/src/launch.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
/** Most lines of a process kept for a failed test to show. */
const MAX_LINES = 500;
const STARTS_WITHIN_MS = 60_000;
const POLL_MS = 50;

/** A process of the project, its output at hand. */
export class ProjectProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly lines: string[] = [];

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        if (this.lines.length > MAX_LINES) this.lines.shift();
      });
    }
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGTERM');
  }
}

/** A relay on a free port with a data folder of its own. */
export class Relay implements AsyncDisposable {
  readonly process: ProjectProcess;
  readonly url: string;
  readonly #dataDir: string;

  private constructor(process: ProjectProcess, url: string, dataDir: string) {
    this.process = process;
    this.url = url;
    this.#dataDir = dataDir;
  }

  /** Started, not yet ready: `contribute` says whether it starts a contributor of its own. */
  static async start({ contribute, env = {} }: { contribute: boolean; env?: Record<string, string> }): Promise<Relay> {
    const port = await freePort();
    const dataDir = await mkdtemp(join(tmpdir(), 'opengateway-e2e-'));
    const settings = { PORT: String(port), DATA_DIR: dataDir, CONTRIBUTE: contribute ? '1' : '0', LOG_LEVEL: 'warn' };
    const process = new ProjectProcess(['apps/relay/src/main.ts'], { ...settings, ...env });
    const relay = new Relay(process, `http://127.0.0.1:${port}`, dataDir);
    await relay.until('/healthz');
    return relay;
  }

  /** Resolves when `path` answers 200. */
  async until(path: '/healthz' | '/readyz'): Promise<void> {
    const deadline = Date.now() + STARTS_WITHIN_MS;
    for (;;) {
      const response = await fetch(`${this.url}${path}`).catch(() => null);
      if (response?.ok) return;
      if (this.process.child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`${path} never answered 200. The relay said:\n${this.process.lines.join('\n')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** A Node contributor of its own process, reading the repository's models. */
  contributor(...args: readonly string[]): ProjectProcess {
    const launch = contributorLaunch(['--relay', this.url, '--models', 'models', '--json', ...args]);
    return new ProjectProcess(launch.args, launch.environment);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill('SIGTERM');
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
