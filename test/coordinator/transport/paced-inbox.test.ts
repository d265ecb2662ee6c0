import { expect, it } from 'vitest';
import { PacedInbox } from '../../../coordinator/transport/paced-inbox.ts';
import { nextTurn } from '../../../shared/next-turn.ts';

const inTurns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await nextTurn();
};

it('heeds the first at once and the others in order, each in a turn of its own', async () => {
  const inbox = new PacedInbox<string>(100);
  const heeded: number[] = [];
  for (const n of [1, 2, 3])
    inbox.add('a', 10, () => {
      heeded.push(n);
    });
  expect(heeded).toEqual([1]);
  // What is done in microtasks of one is done before the next.
  let isTurnOver = false;
  void nextTurn().then(() => {
    isTurnOver = true;
  });
  await Promise.resolve();
  expect([heeded, isTurnOver]).toEqual([[1], false]);
  await inTurns(3);
  expect(heeded).toEqual([1, 2, 3]);
  inbox.add('a', 10, () => {
    heeded.push(4);
  });
  await inTurns(1);
  expect(heeded).toEqual([1, 2, 3, 4]);
});

it('takes no more of one than its share, counts what is done with no more, and lets others in', async () => {
  const inbox = new PacedInbox<string>(100);
  const nothing = (): void => undefined;
  // The first of all is heeded at once and does not wait.
  expect([inbox.add('a', 90, nothing), inbox.add('a', 60, nothing), inbox.add('a', 60, nothing)]).toEqual([
    ...[true, true, false],
  ]);
  expect(inbox.add('b', 60, nothing)).toBe(true);
  await inTurns(4);
  expect(inbox.add('a', 60, nothing)).toBe(true);
});

it('takes a piece that is larger than a share when nothing else of its owner waits', () => {
  const inbox = new PacedInbox<string>(100);
  expect(inbox.add('a', 101, () => undefined)).toBe(true);
});
