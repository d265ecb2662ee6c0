import { describe, expect, it } from 'vitest';
import { MIN_PASSWORD_CHARS, passwordProblem } from '../../../coordinator/console/password-rule.ts';
import { Passwords } from '../../../coordinator/people/password.ts';

describe('passwordProblem', () => {
  it('is silent until something is wrong', () => {
    expect(passwordProblem('')).toBeUndefined();
    expect(passwordProblem('x'.repeat(MIN_PASSWORD_CHARS - 1))).toMatch(/12 characters/);
    expect(passwordProblem('x'.repeat(MIN_PASSWORD_CHARS), 'y')).toMatch(/not the same/);
    expect(passwordProblem('x'.repeat(MIN_PASSWORD_CHARS), 'x'.repeat(MIN_PASSWORD_CHARS))).toBeUndefined();
  });

  it('asks for what the coordinator asks for', async () => {
    const passwords = new Passwords({ ln: 4, r: 8, p: 1 });
    // Characters, not UTF-16 units.
    const shortest = '🔑'.repeat(MIN_PASSWORD_CHARS);
    expect(passwordProblem(shortest)).toBeUndefined();
    await expect(passwords.hash(shortest)).resolves.toMatch(/^\$scrypt/);
    await expect(passwords.hash(shortest.slice(2))).rejects.toThrow();
    expect(passwordProblem(shortest.slice(2))).toBeDefined();
  });
});
