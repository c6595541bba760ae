import { fork } from 'node:child_process';
import { once } from 'node:events';
import { STAGE_COMMAND_WITHIN_MS, STAGE_READY_WITHIN_MS, STAGE_STOP_WITHIN_MS } from './chain-constants.ts';
import type { StageCommand, StageOptions, StageReply } from './chain-messages.ts';

/** The bench's end of one stage's process. */
export interface StageProcess {
  readonly peer: string;
  /** One command at a time. */
  ask(command: StageCommand): Promise<StageReply>;
  stop(): Promise<void>;
}

/** Resolves when its model is loaded and it serves. @throws where it ends before, or takes too long */
export async function startStage(options: StageOptions): Promise<StageProcess> {
  const child = fork(new URL('./chain-stage.ts', import.meta.url), [JSON.stringify(options)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const insist = setTimeout(() => child.kill('SIGKILL'), STAGE_STOP_WITHIN_MS);
    await ended;
    clearTimeout(insist);
  };
  const reply = async (ms: number): Promise<StageReply> => {
    const done = new AbortController();
    const signal = AbortSignal.any([done.signal, AbortSignal.timeout(ms)]);
    try {
      const said = once(child, 'message', { signal }) as Promise<[StageReply]>;
      const left = ended.then(([code]) => {
        throw new Error(`A stage's process ended with ${code}.`);
      });
      const [message] = await Promise.race([said, left]);
      if (message.type === 'failed') throw new Error(message.message);
      return message;
    } finally {
      done.abort();
    }
  };
  try {
    const ready = await reply(STAGE_READY_WITHIN_MS);
    if (ready.type !== 'ready') throw new Error(`A stage's process began with ${ready.type}.`);
    return {
      peer: ready.peer,
      ask(command) {
        const answer = reply(STAGE_COMMAND_WITHIN_MS);
        child.send(command);
        return answer;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
