import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LoginGuard } from '../../../coordinator/people/login-guard.ts';
import { Logins } from '../../../coordinator/people/logins.ts';
import { networkOf } from '../../../coordinator/people/network.ts';
import { Passwords } from '../../../coordinator/people/password.ts';
import { openDatabase, type Database } from '../../../coordinator/storage/database.ts';
import { userNameSchema, UserStore } from '../../../coordinator/storage/user-store.ts';

const CHEAP = { ln: 4, r: 8, p: 1 };
const PASSWORD = 'correct horse battery';
const limits = { windowMs: 60_000, triesOfPair: 3, triesOfName: 4, triesFromNetwork: 5 };

describe('a password', () => {
  it('is kept as scrypt of the strongest recommended setting, with a salt of its own', async () => {
    const passwords = new Passwords();
    const hash = await passwords.hash(PASSWORD);
    expect(hash).toMatch(/^\$scrypt\$ln=17,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(await passwords.verify(PASSWORD, hash)).toBe(true);
  });

  it('agrees with the test vector of RFC 7914 §12 (N = 1024, r = 8, p = 16 shortened to its first 32 bytes)', async () => {
    // The first 32 bytes of a longer output of PBKDF2 are the output of that length.
    const vector = Buffer.from('fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162', 'hex');
    const unpadded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replaceAll('=', '');
    const salt = Buffer.from('NaCl');
    const { scryptSync } = await import('node:crypto');
    expect(scryptSync('password', salt, 32, { N: 1024, r: 8, p: 16 })).toEqual(vector);
    // A salt of 16 bytes, as ours are: what `verify` derives is what Node derives with the parameters in the hash.
    const own = Buffer.alloc(16, 3);
    const hash = scryptSync('password', own, 32, { N: 1024, r: 8, p: 3 });
    const encoded = `$scrypt$ln=10,r=8,p=3$${unpadded(own)}$${unpadded(hash)}`;
    expect(await new Passwords(CHEAP).verify('password', encoded)).toBe(true);
  });

  it('is another one with another letter, is told apart by salts, and is the same from another keyboard', async () => {
    const passwords = new Passwords(CHEAP);
    const hash = await passwords.hash(PASSWORD);
    expect(await passwords.hash(PASSWORD)).not.toBe(hash);
    expect(await passwords.verify('correct horse batterY', hash)).toBe(false);
    expect(
      await passwords.verify(
        'pa\u0301sswo\u0301rd long enough',
        await passwords.hash('pásswórd long enough'),
      ),
    ).toBe(true);
  });

  it('is neither short nor endless', async () => {
    const passwords = new Passwords(CHEAP);
    await expect(passwords.hash('elevenchars')).rejects.toThrow('12 to 256 characters');
    await expect(passwords.hash('x'.repeat(257))).rejects.toThrow('12 to 256 characters');
  });

  it('of nobody is checked and is wrong; a damaged hash is said', async () => {
    const passwords = new Passwords(CHEAP);
    expect(await passwords.verify(PASSWORD, undefined)).toBe(false);
    await expect(passwords.verify(PASSWORD, '$scrypt$broken')).rejects.toThrow('damaged');
  });

  it('is checked for few at once: others wait, and too many are turned away', async () => {
    const passwords = new Passwords({ ln: 12, r: 8, p: 1 });
    const results = await Promise.allSettled(
      Array.from({ length: 30 }, () => passwords.verify('x', undefined)),
    );
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(30 - 2 - 16);
    expect(refused[0]).toMatchObject({ reason: { code: 'BUSY' } });
  });
});

describe('logging in', () => {
  let folder: string;
  let database: Database;
  let users: UserStore;
  let elapsedMs: number;
  let logins: Logins;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'consilium-logins-'));
    database = await openDatabase(join(folder, 'coordinator.db'));
    users = new UserStore(database, { nowMs: () => Date.UTC(2026, 0, 1) });
    elapsedMs = 0;
    const passwords = new Passwords(CHEAP);
    const guard = () => new LoginGuard({ elapsedMs: () => elapsedMs }, limits);
    logins = new Logins(users, passwords, { login: guard(), confirm: guard() });
    await users.add(userNameSchema.parse('ann'), 'researcher', await passwords.hash(PASSWORD));
  });
  afterEach(async () => {
    await database.destroy();
    rmSync(folder, { recursive: true });
  });
  const login = (name: string, password: string, address = '192.0.2.1') =>
    logins.login({ name, password, address });

  it('opens a session', async () => {
    const outcome = await login('ann', PASSWORD);
    expect(outcome).toMatchObject({ kind: 'open', session: { user: 'ann', role: 'researcher' } });
    if (outcome.kind === 'open') expect(await users.session(outcome.token)).toEqual(outcome.session);
  });

  it('refuses a wrong password and an unknown name alike, and keeps no name that nobody has', async () => {
    expect(await login('ann', 'wrong')).toEqual({ kind: 'refused', reason: 'wrong', user: 'ann' });
    expect(await login('bob', PASSWORD)).toEqual({ kind: 'refused', reason: 'wrong' });
    expect(await login("' or 1=1 --", PASSWORD)).toEqual({ kind: 'refused', reason: 'wrong' });
  });

  it('is closed to a stranger after so many tries, and not to the owner of the name elsewhere', async () => {
    for (let i = 0; i < 3; i++)
      expect(await login('ann', 'wrong', '198.51.100.1')).toMatchObject({ reason: 'wrong' });
    expect(await login('ann', PASSWORD, '198.51.100.1')).toMatchObject({ reason: 'too-many' });
    expect(await login('ann', PASSWORD)).toMatchObject({ kind: 'open' });
  });

  it('is closed to a name after so many tries from anywhere, until time has passed', async () => {
    for (let i = 0; i < 4; i++)
      expect(await login('ann', 'wrong', `192.0.2.${String(i)}`)).toMatchObject({ reason: 'wrong' });
    expect(await login('ann', PASSWORD, '192.0.2.9')).toMatchObject({ reason: 'too-many' });
    elapsedMs += 60_000;
    expect(await login('ann', PASSWORD)).toMatchObject({ kind: 'open' });
  });

  it('does not keep whoever is in from confirming the password while strangers try', async () => {
    for (let i = 0; i < 4; i++) await login('ann', 'wrong', `192.0.2.${String(i)}`);
    const confirm = (password: string) => logins.confirm({ name: 'ann', password, address: '203.0.113.1' });
    expect(await confirm(PASSWORD)).toBeUndefined();
    for (let i = 0; i < 3; i++) expect(await confirm('wrong')).toBe('wrong');
    expect(await confirm(PASSWORD)).toBe('too-many');
  });

  it('opens no session for a password that was changed while it was checked', async () => {
    const passwords = new Passwords(CHEAP);
    const next = await passwords.hash('another good password');
    const changing = {
      verify: async (password: string, encoded: string | undefined) => {
        const isRight = await passwords.verify(password, encoded);
        await users.setPassword(userNameSchema.parse('ann'), next);
        return isRight;
      },
    };
    const guard = () => new LoginGuard({ elapsedMs: () => 0 }, limits);
    const late = new Logins(users, changing, { login: guard(), confirm: guard() });
    expect(await late.login({ name: 'ann', password: PASSWORD, address: '192.0.2.1' })).toEqual({
      ...{ kind: 'refused', reason: 'wrong', user: 'ann' },
    });
    expect(await database.selectFrom('sessions').selectAll().execute()).toEqual([]);
  });

  it('is closed to an address after so many tries of whatever names', async () => {
    for (let i = 0; i < 5; i++)
      expect(await login(`user-${String(i)}`, 'x')).toMatchObject({ reason: 'wrong' });
    expect(await login('ann', PASSWORD)).toMatchObject({ reason: 'too-many' });
    expect(await login('ann', PASSWORD, '192.0.2.2')).toMatchObject({ kind: 'open' });
  });

  it('counts tries before it looks at passwords, so that many at once gain nothing', async () => {
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => login('ann', 'wrong')));
    expect(
      outcomes.filter((outcome) => outcome.kind === 'refused' && outcome.reason === 'wrong'),
    ).toHaveLength(3);
  });

  it('forgets the tries of whoever got in', async () => {
    for (let i = 0; i < 20; i++) {
      await login('ann', 'wrong');
      expect(await login('ann', PASSWORD)).toMatchObject({ kind: 'open' });
      if (i % 3 === 2) elapsedMs += 60_000;
    }
  });
});

describe('the guard', () => {
  it('counts the addresses of an IPv6 network as one', () => {
    const guard = new LoginGuard({ elapsedMs: () => 0 }, limits);
    const from = (host: string) => guard.admit(`user-${host}`, `2001:db8:0:1::${host}`);
    expect(['1', '2', '3', '4', 'a:b', 'c:d:e'].map(from)).toEqual([true, true, true, true, true, false]);
    expect(guard.admit('other', '2001:db8:0:2::1')).toBe(true);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0000:0000:ffff::', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('takes %s for %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it('remembers a bounded number of names', () => {
    const guard = new LoginGuard({ elapsedMs: () => 0 }, { ...limits, triesFromNetwork: Infinity });
    for (let i = 0; i < 3; i++) guard.admit('first', 'x');
    expect(guard.admit('first', 'x')).toBe(false);
    for (let i = 0; i < 20_000; i++) guard.admit(String(i), 'x');
    expect(guard.admit('first', 'x')).toBe(true);
  });
});
