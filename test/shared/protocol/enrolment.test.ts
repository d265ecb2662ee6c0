import { describe, expect, it } from 'vitest';
import { fingerprintOf } from '../../../shared/crypto/fingerprint.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { readInvitation, writeInvitation, type Invitation } from '../../../shared/protocol/enrolment.ts';

const invitation: Invitation = {
  url: 'https://coordinator.example:8443',
  siteId: siteIdSchema.parse('st-mary'),
  fingerprint: fingerprintOf(new Uint8Array(32)),
  token: 'A'.repeat(43),
};

describe('an invitation', () => {
  it('comes back from its text, also with what copying adds', () => {
    const code = writeInvitation(invitation);
    expect(code).toMatch(/^consilium-invitation:[A-Za-z0-9_-]+$/);
    expect(readInvitation(`  ${code}\n`)).toEqual(invitation);
  });

  it('is refused when it is incomplete or something else, without being repeated', () => {
    const code = writeInvitation(invitation);
    const padded = writeInvitation({ ...invitation, url: `https://${'x'.repeat(3000)}` });
    const wrong = ['', 'hello', code.slice(0, -10), code.slice(5), `${code}${code}`, padded];
    for (const text of wrong) {
      expect(() => readInvitation(text)).toThrow('no complete invitation');
      expect(() => readInvitation(text)).not.toThrow('AAAA');
    }
  });

  it('leads nowhere but to a web server', () => {
    const code = writeInvitation({ ...invitation, url: 'file:///etc/passwd' });
    expect(() => readInvitation(code)).toThrow('no complete invitation');
  });
});

it('has a fingerprint that two people can read to each other', () => {
  // SHA-512 of 32 zero bytes begins 5046adc1dba838867b2bbbfdd0c3423e.
  expect(fingerprintOf(new Uint8Array(32))).toBe('5046 adc1 dba8 3886 7b2b bbfd d0c3 423e');
});
