import { expect, it } from 'vitest';
import { createVirtualClock } from '../../../simulations/virtual/virtual-clock.ts';

it('messages arrive while somebody works, in order, but never past a timer or a moment', async () => {
  const clock = createVirtualClock();
  const said: string[] = [];
  let finish: () => void = () => undefined;
  const work = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const done = new Promise<void>((resolve) => {
    clock.deliver(1, () => {
      void clock.track(work);
      said.push('work begins');
    });
    clock.deliver(2, () => {
      said.push(`message at ${String(clock.nowMs())}`);
      queueMicrotask(() => {
        setImmediate(finish);
      });
    });
    clock.schedule(3, () => said.push(`timer at ${String(clock.nowMs())}`));
    clock.deliver(4, () => said.push(`after the timer at ${String(clock.nowMs())}`));
    clock.deliver(500, () => {
      said.push(`slow message at ${String(clock.nowMs())}`);
      resolve();
    });
  });
  void work.then(() => said.push('work ends'));
  await clock.runUntil(done);
  expect(said).toEqual([
    ...['work begins', 'message at 1', 'work ends', 'timer at 3', 'after the timer at 4'],
    'slow message at 500',
  ]);
});
