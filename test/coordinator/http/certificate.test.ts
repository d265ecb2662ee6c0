import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { certificateOf, daysLeft } from '../../../coordinator/http/certificate.ts';
import type { CoordinatorConfig } from '../../../coordinator/config.ts';

const pem = readFileSync(new URL('../../fixtures/tls/localhost-cert.pem', import.meta.url), 'utf8');
const DAY_MS = 86_400_000;

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'consilium-certificate-'));
});
afterEach(() => {
  rmSync(path, { recursive: true });
});
const config = (tls?: CoordinatorConfig['tls']): CoordinatorConfig => ({
  ...{ host: '127.0.0.1', port: 0, url: 'https://consilium.test', behindTlsProxy: false },
  ...(tls && { tls }),
});

describe('the certificate', () => {
  it('is read with the days that are left', () => {
    writeFileSync(join(path, 'server.pem'), pem);
    const facts = certificateOf({ path, config: config({ certificate: 'server.pem', key: 'key.pem' }) });
    const end = Date.parse(new X509Certificate(pem).validTo);
    expect(facts).toMatchObject({ notAfterMs: end });
    if (!facts) return;
    expect(facts.notBeforeMs).toBeLessThan(end);
    expect([2 * DAY_MS, 1, 0, -1].map((leftMs) => daysLeft(facts, end - leftMs))).toEqual([2, 0, 0, -1]);
  });

  it('is nothing where there is none, or where its file is gone or is something else', () => {
    expect(certificateOf({ path, config: config() })).toBeUndefined();
    const named = { path, config: config({ certificate: 'server.pem', key: 'key.pem' }) };
    expect(certificateOf(named)).toBeUndefined();
    writeFileSync(join(path, 'server.pem'), 'no certificate');
    expect(certificateOf(named)).toBeUndefined();
  });
});
