/** What a coordinator tells whoever watches it: counters, log, and limits for those who send slowly. */
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createListener, listen, portOf } from '../../../coordinator/http/listener.ts';
import { mayReadMetrics } from '../../../coordinator/http/metrics-access.ts';
import { createLogger, logReport } from '../../../coordinator/log.ts';
import type { CoordinatorReport } from '../../../coordinator/reports.ts';
import { runIdSchema, siteIdSchema } from '../../../shared/ids.ts';
import { createApiWorld, type ApiWorld } from './api-world.ts';

const TOKEN = 'a-token-of-thirty-two-characters';
const runId = runIdSchema.parse('first');
const north = siteIdSchema.parse('north');

let world: ApiWorld;
beforeEach(async () => {
  world = await createApiWorld();
});
afterEach(() => world.close());

describe('counters', () => {
  it('tell of requests by their route, and never by what the caller wrote', async () => {
    await world.addUser('ann', 'auditor');
    await world.login('ann', 'wrong');
    await world.ask('GET', '/api/v1/runs/secret-name');
    await world.ask('GET', '/secret-path');
    await world.ask('POST', '/api/enroll', { body: `"${'x'.repeat(100_000)}"` });
    const { status, text, headers } = await world.ask('GET', '/metrics');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('text/plain');
    expect(text).toContain(
      'consilium_http_requests_total{route="/api/v1/login",method="POST",status="401"} 1',
    );
    expect(text).toContain(
      'consilium_http_requests_total{route="/api/v1/runs/:runId",method="GET",status="401"} 1',
    );
    expect(text).toContain('consilium_http_requests_total{route="none",method="GET",status="404"} 1');
    expect(text).toContain('consilium_http_oversized_total 1');
    expect(text).not.toMatch(/secret-name|secret-path/);
  });

  it('count every refusal there is', async () => {
    const told: CoordinatorReport[] = [
      { kind: 'gateway', report: { kind: 'refused', reason: 'bad-signature', address: '192.0.2.1' } },
      { kind: 'gateway', report: { kind: 'closed', siteId: north, reason: 'flood' } },
      { kind: 'login', outcome: 'too-many', address: '192.0.2.1' },
      {
        kind: 'round',
        attempt: 1,
        runId,
        round: 1,
        report: { kind: 'siteDropped', phase: 'training', siteId: north, reason: 'non-finite' },
      },
      {
        kind: 'attempt',
        runId,
        record: { outcome: 'aborted', round: 1, attempt: 1, reason: 'stopped', dropped: [] },
      },
      { kind: 'error', message: 'x' },
      { kind: 'runFailed', runId, reason: 'x' },
    ];
    for (const report of told) world.metrics.observe(report);
    const { text } = await world.ask('GET', '/metrics');
    for (const line of [
      'consilium_handshakes_refused_total{reason="bad-signature"} 1',
      'consilium_connections_closed_total{reason="flood"} 1',
      'consilium_logins_total{outcome="too-many"} 1',
      'consilium_site_drops_total{reason="non-finite"} 1',
      'consilium_attempts_total{outcome="aborted",reason="stopped"} 1',
      'consilium_errors_total 1',
      'consilium_runs_total{change="runFailed"} 1',
      'consilium_sites_connected 0',
    ])
      expect(text).toContain(line);
    expect(text).not.toMatch(/north|192\.0\.2/);
  });

  it('are for this machine, or for whoever has the token', () => {
    const from = (remoteAddress: string, authorization?: string) => ({
      headers: { authorization },
      socket: { remoteAddress },
    });
    const may = (...[address, header, token, proxy]: [string, string?, string?, boolean?]) =>
      mayReadMetrics(from(address, header), token, proxy ?? false);
    for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])
      expect(may(address)).toBe(true);
    for (const address of ['192.0.2.1', '::ffff:192.0.2.1', '127.evil.test', '', '2001:db8::1'])
      expect(may(address)).toBe(false);
    expect(may('192.0.2.1', `Bearer ${TOKEN}`, TOKEN)).toBe(true);
    expect(may('192.0.2.1', `Bearer ${TOKEN}x`, TOKEN)).toBe(false);
    expect(may('192.0.2.1', 'Bearer undefined')).toBe(false);
    expect(may('127.0.0.1', undefined, undefined, true)).toBe(false);
    expect(may('127.0.0.1', `Bearer ${TOKEN}`, TOKEN, true)).toBe(true);
  });
});

describe('the log', () => {
  it('has one JSON line an event with the fields of a list, and a request by its name', async () => {
    const lines: string[] = [];
    const clock = { nowMs: () => Date.UTC(2026, 0, 1) };
    const logger = createLogger(clock, { write: (line) => lines.push(line) });
    const answer = await world.ask('GET', '/api/v1/session?secret=1', {
      headers: { cookie: 'consilium=secret' },
    });
    for (const report of world.reports) logReport(logger, report);
    const hidden = {
      kind: 'login',
      outcome: 'open',
      address: '192.0.2.1',
      user: 'ann',
      password: 'secret',
    } as const;
    logReport(logger, hidden);
    expect(lines).toHaveLength(2);
    expect(lines.join('')).not.toContain('secret');
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      ...{ level: 'info', time: '2026-01-01T00:00:00.000Z', kind: 'request' },
      requestId: answer.headers.get('x-request-id'),
      ...{ method: 'GET', route: '/api/v1/session', status: 401, ms: 0, address: '127.0.0.1' },
    });
  });

  it('believes no forwarded address but the proxy’s', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.1, 203.0.113.9' };
    await world.ask('GET', '/healthz', { headers });
    expect(world.reports.at(-1)).toMatchObject({ address: '127.0.0.1' });
    const proxied = await createApiWorld({ behindTlsProxy: true, url: 'https://consilium.test' });
    try {
      await proxied.ask('GET', '/healthz', { headers });
      expect(proxied.reports.at(-1)).toMatchObject({ address: '203.0.113.9' });
    } finally {
      await proxied.close();
    }
  });
});

describe('a caller who sends slowly', () => {
  const limits = { headersTimeout: 100, requestTimeout: 200, connectionsCheckingInterval: 20 };

  it.each([
    ['headers', 'GET /healthz HTTP/1.1\r\nhost: x\r\n'],
    [
      'a body',
      'POST /api/enroll HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
    ],
  ])('is cut off before the end of %s', async (_, beginning) => {
    const server = createListener(world.folder, world.app, limits);
    await listen(server, world.folder);
    const socket = connect(portOf(server), '127.0.0.1');
    let answer = '';
    socket.on('data', (bytes: Buffer) => (answer += bytes.toString()));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(beginning);
    await closed;
    expect(answer).toContain('408 Request Timeout');
    await new Promise((resolve) => server.close(resolve));
  });

  it('has limits by default too', () => {
    const server = createListener(world.folder, world.app);
    expect([server.headersTimeout, server.requestTimeout]).toEqual([10_000, 60_000]);
    expect(server.maxHeadersCount).toBe(64);
  });
});
