/** What the coordinator asks of a password, told while it is typed. The coordinator checks again. */

export const MIN_PASSWORD_CHARS = 12;

/** What is wrong with a password as far as it has been typed. @param repeated where it is typed twice */
export function passwordProblem(password: string, repeated = ''): string | undefined {
  if (password !== '' && Array.from(password).length < MIN_PASSWORD_CHARS)
    return `A password has ${String(MIN_PASSWORD_CHARS)} characters or more.`;
  return repeated !== '' && repeated !== password ? 'The two are not the same.' : undefined;
}
