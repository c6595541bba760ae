import { describe, expect, it } from 'vitest';
import { DrainGate } from './drain-gate.ts';

describe('DrainGate', () => {
  it('counts what runs, and each end only once', () => {
    const gate = new DrainGate();
    const leave = gate.enter();
    expect(gate.active).toBe(1);
    leave();
    leave();
    expect(gate.active).toBe(0);
  });

  it('refuses more than its maximum as full', () => {
    const gate = new DrainGate(1);
    gate.enter();
    expect(() => gate.enter()).toThrow(expect.objectContaining({ code: 'capacity' }));
  });

  it('admits none once it drains, and waits for those that run', async () => {
    const gate = new DrainGate();
    const leave = gate.enter();
    const drained = gate.drain(60_000);
    expect(() => gate.enter()).toThrow(expect.objectContaining({ code: 'server_stopping' }));
    expect(gate.signal.aborted).toBe(false);
    leave();
    await drained;
    expect(gate.signal.aborted).toBe(false);
  });

  it('cuts those that run when the time is over', async () => {
    const gate = new DrainGate();
    gate.signal.addEventListener('abort', gate.enter(), { once: true });
    await gate.drain(1);
    expect(gate.signal.aborted).toBe(true);
  });

  it('is done at once when nothing runs', async () => {
    await new DrainGate().drain(60_000);
  });
});
