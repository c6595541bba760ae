/** `npm run contribute`: becomes the contributor's process, started as `contributorLaunch` says. */
import { spawn } from 'node:child_process';
import { contributorLaunch } from './launch.ts';

const { args, environment } = contributorLaunch(process.argv.slice(2));
const env = { ...process.env, ...environment } as Record<string, string>;

if (process.execve !== undefined && process.platform !== 'win32') {
  process.execve(process.execPath, [process.execPath, ...args], env);
}
const child = spawn(process.execPath, args, { env, stdio: 'inherit' });
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
