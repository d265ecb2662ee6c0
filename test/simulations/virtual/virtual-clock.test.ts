import { describe, expect, it } from 'vitest';
import { createVirtualClock } from '../../../simulations/virtual/virtual-clock.ts';

describe('simulated time', () => {
  it('runs timers by their time, those of equal time in their order', async () => {
    const clock = createVirtualClock();
    const seen: string[] = [];
    const done = new Promise<void>((resolve) => {
      clock.schedule(20, () => {
        seen.push(`last at ${String(clock.nowMs())}`);
        resolve();
      });
    });
    clock.schedule(10, () => seen.push('first'));
    clock.schedule(10, () => seen.push('second'));
    clock.schedule(5, () => {
      clock.schedule(5, () => seen.push('third, made later'));
    });
    const cancel = clock.schedule(1, () => seen.push('cancelled'));
    cancel();
    await clock.runUntil(done);
    expect(seen).toEqual(['first', 'second', 'third, made later', 'last at 20']);
  });

  it('stands still while real work goes on', async () => {
    const clock = createVirtualClock();
    let finish: () => void = () => undefined;
    const work = clock.track(
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
    );
    const deadline = new Promise<string>((resolve) => {
      clock.schedule(1000, () => {
        resolve('deadline');
      });
    });
    const worked = work.then(() => `worked at ${String(clock.nowMs())}`);
    const first = clock.runUntil(Promise.race([worked, deadline]));
    setImmediate(() => {
      setImmediate(finish);
    });
    expect(await first).toBe('worked at 0');
    expect(await clock.runUntil(deadline)).toBe('deadline');
    expect(clock.nowMs()).toBe(1000);
  });

  it('goes on after work that failed, and passes on what was awaited', async () => {
    const clock = createVirtualClock();
    const work = clock.track(Promise.reject(new Error('broken')));
    await expect(clock.runUntil(work)).rejects.toThrow('broken');
  });

  it('says so when nothing can happen any more', async () => {
    const clock = createVirtualClock();
    await expect(clock.runUntil(new Promise(() => undefined))).rejects.toThrow('cannot happen');
  });
});
