import { describe, expect, it } from 'vitest';
import { RoundWatch } from '../../../coordinator/run/round-watch.ts';
import type { QueueReport } from '../../../coordinator/run/queue.ts';
import type { AttemptTrack } from '../../../coordinator/storage/attempt-track.ts';
import type { StoredRunEvent } from '../../../coordinator/storage/stored-run-event.ts';
import { runIdSchema, type RunId, type SiteId } from '../../../shared/ids.ts';
import type { Frame } from '../../../shared/protocol/codec.ts';
import type { GatewayHandlers } from '../../../shared/protocol/transport.ts';
import { contextOf, modelHash, planOf, site, sites } from '../fixtures.ts';

const [a, b, c] = [site('a'), site('b'), site('c')];
const runId = runIdSchema.parse('run-1');
const plan = planOf();

const frame = (message: object, payloadBytes = 0): Frame => ({
  header: JSON.stringify(message),
  ...(payloadBytes > 0 && { payload: new Uint8Array(payloadBytes) }),
});
const announce = frame({ type: 'announce', context: contextOf(plan), plan: {} });
const ack = (of: string, status = 'accepted') =>
  frame({ type: 'ack', context: contextOf(plan), of, result: { status }, signature: '' });

function watchWorld() {
  let nowMs = 1000;
  const kept: AttemptTrack[] = [];
  const events: StoredRunEvent[] = [];
  const told: string[] = [];
  const errors: unknown[] = [];
  const watch = new RoundWatch({
    history: {
      keepAttempt: (_: RunId, track) => {
        kept.push(track);
        return Promise.resolve();
      },
      addEvent: (_: RunId, event) => {
        events.push(event);
        return Promise.resolve();
      },
    },
    clock: { nowMs: () => nowMs },
    planOf: () => Promise.resolve(plan),
    onError: (error) => errors.push(error),
  });
  watch.listen({
    advanced: (id) => told.push(`advanced ${id}`),
    changed: (id) => told.push(`changed ${id}`),
  });
  let handlers: GatewayHandlers | undefined;
  const sent: [SiteId, Frame][] = [];
  const heard: [SiteId, Frame][] = [];
  const gateway = watch.watch({
    listen: (given) => {
      handlers = given;
    },
    send: (to, one) => sent.push([to, one]),
    close: () => undefined,
  });
  gateway.listen({
    connected: () => undefined,
    disconnected: () => undefined,
    frame: (from, one) => heard.push([from, one]),
  });
  const round = (report: Extract<QueueReport, { kind: 'round' }>['report']): void => {
    watch.observe({ kind: 'round', runId, round: 1, attempt: 1, report });
  };
  return {
    ...{ watch, kept, events, told, errors, sent, heard, gateway, round },
    at: (ms: number) => {
      nowMs = ms;
    },
    receive: (from: SiteId, one: Frame) => handlers?.frame(from, one),
  };
}

describe('what goes on in a run', () => {
  it('is followed phase by phase and site by site, and written down at the end', async () => {
    const world = watchWorld();
    const { watch, gateway, round } = world;
    round({ kind: 'phaseEntered', phase: 'selecting', cohortSize: 3 });
    await Promise.resolve();
    expect(watch.snapshot(runId)).toMatchObject({ phase: 'selecting', phaseStartMs: 1000, deadlineMs: 2000 });
    world.at(1100);
    round({ kind: 'phaseEntered', phase: 'advertising', cohortSize: 3 });
    for (const to of [a, b, c]) gateway.send(to, announce);
    expect(watch.runOf(b)).toBe(runId);
    world.at(1200);
    gateway.send(a, ack('advertise'));
    gateway.send(b, ack('advertise'));
    gateway.send(c, ack('advertise', 'rejected'));
    expect(watch.snapshot(runId)?.sites.map(({ state }) => state)).toEqual(['waiting', 'waiting', 'invited']);
    world.at(1300);
    round({ kind: 'siteDropped', siteId: c, phase: 'advertising', reason: 'refused' });
    expect(watch.runOf(c)).toBeUndefined();
    round({ kind: 'phaseEntered', phase: 'training', cohortSize: 2 });
    world.receive(a, frame({ type: 'progress', context: contextOf(plan), steps: 7 }));
    world.receive(a, frame({ type: 'progress', context: contextOf(plan), steps: 5 }));
    world.receive(b, frame({ type: 'update', context: contextOf(plan) }, 500));
    world.at(1400);
    gateway.send(b, ack('update'));
    const now = watch.snapshot(runId);
    expect(now?.deadlineMs).toBe(1300 + 3000);
    expect(now?.sites).toMatchObject([
      { siteId: a, state: 'working', steps: 7, reason: null },
      { siteId: b, state: 'waiting' },
      { siteId: c, state: 'dropped', reason: 'refused' },
    ]);
    round({ kind: 'extended', sites: [a], delayMs: 60 });
    expect(watch.snapshot(runId)?.deadlineMs).toBe(1460);
    world.at(1500);
    round({ kind: 'phaseEntered', phase: 'aggregating', cohortSize: 2 });
    round({ kind: 'phaseEntered', phase: 'published', cohortSize: 2 });
    world.at(1600);
    watch.observe({
      ...{ kind: 'attempt', runId },
      record: {
        ...{
          outcome: 'published',
          round: 1,
          attempt: 1,
          modelHash: modelHash('b'),
          survivors: sites('a', 'b'),
        },
        dropped: [{ siteId: c, phase: 'advertising', reason: 'refused' }],
        validation: { loss: 1, score: 0.5, metrics: {} },
      },
    });
    await watch.settled();
    expect(watch.snapshot(runId)).toBeUndefined();
    expect(world.kept).toHaveLength(1);
    const [track] = world.kept;
    expect(track).toMatchObject({ round: 1, attempt: 1, outcome: 'published', startMs: 1000, endMs: 1600 });
    expect(track?.spans).toEqual([
      { phase: 'selecting', startMs: 1000, endMs: 1100 },
      { phase: 'advertising', startMs: 1100, endMs: 1300 },
      { phase: 'training', startMs: 1300, endMs: 1500 },
      { phase: 'aggregating', startMs: 1500, endMs: 1500 },
      { phase: 'published', startMs: 1500, endMs: 1600 },
    ]);
    const updateBytes = JSON.stringify({ type: 'update', context: contextOf(plan) }).length + 500;
    expect(track?.sites).toMatchObject([
      {
        state: 'survived',
        spans: [
          { phase: 'advertising', startMs: 1100, endMs: 1200 },
          { phase: 'training', startMs: 1300, endMs: 1500 },
        ],
      },
      {
        state: 'survived',
        bytesUp: updateBytes,
        bytesDown: announce.header.length + 2 * ack('update').header.length + 3,
      },
      { state: 'dropped', reason: 'refused', spans: [{ phase: 'advertising', startMs: 1100, endMs: 1300 }] },
    ]);
    expect(world.events.map(({ kind }) => kind)).toEqual(['began', 'dropped', 'extended', 'published']);
    expect(world.told).toContain('changed run-1');
    expect(world.errors).toEqual([]);
  });

  it('changes nothing of what crosses the gateway, whatever that is', () => {
    const { gateway, sent, heard, receive } = watchWorld();
    const odd: Frame[] = [
      { header: '' },
      { header: '{"type":"ack"' },
      { header: '{"type":"ack","of":"advertise"}' },
      { header: '{"type":"announce","context":{"runId":"../../etc"' },
      { header: `{"type":"progress","steps":${'9'.repeat(5000)}}`, payload: new Uint8Array(3) },
    ];
    for (const one of odd) {
      gateway.send(a, one);
      receive(b, one);
    }
    expect(sent).toEqual(odd.map((one) => [a, one]));
    expect(heard).toEqual(odd.map((one) => [b, one]));
  });

  it('is told of an attempt that a restart has left in the middle', () => {
    const { watch, gateway, round } = watchWorld();
    round({ kind: 'phaseEntered', phase: 'training', cohortSize: 2 });
    gateway.send(a, ack('update'));
    expect(watch.snapshot(runId)?.sites).toMatchObject([{ siteId: a }]);
  });

  it('ends with its run, and says so once', async () => {
    const { watch, round, events } = watchWorld();
    watch.observe({ kind: 'runStarted', runId });
    round({ kind: 'phaseEntered', phase: 'selecting', cohortSize: 0 });
    watch.observe({
      ...{ kind: 'attempt', runId },
      record: { outcome: 'aborted', round: 1, attempt: 1, reason: 'cohort-below-minimum', dropped: [] },
    });
    watch.observe({ kind: 'runFailed', runId, reason: '/a/path/that/nobody/sees' });
    await watch.settled();
    expect(events).toEqual([
      { kind: 'started' },
      { kind: 'aborted', round: 1, attempt: 1, reason: 'cohort-below-minimum' },
      { kind: 'failed' },
    ]);
    expect(watch.snapshot(runId)).toBeUndefined();
  });
});
