/**
 * The cookie of a session: not for scripts, not sent from other pages, and over TLS only. The `__Host-` prefix (RFC
 * 6265bis §4.1.3.2) lets no neighbouring host set it. Plain HTTP, which is for loopback alone, has a cookie without both.
 */
import { parseCookie, stringifySetCookie } from 'cookie';
import type { Response } from 'express';
import { SESSION_MAX_MS } from '../storage/user-store.ts';

export interface SessionCookie {
  readonly name: string;
  read(request: { readonly headers: { readonly cookie?: string | undefined } }): string | undefined;
  /** Clears it without a token. */
  write(response: Response, token: string | undefined): void;
}

/** 32 bytes as base64url: nothing else is looked up. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;
/** Browsers keep within 4096 bytes a cookie; a few of other programs on the same host may come along. */
const MAX_HEADER_CHARS = 8192;

/** @param url how people reach the coordinator */
export function sessionCookie(url: string): SessionCookie {
  const secure = url.startsWith('https:');
  const name = secure ? '__Host-consilium' : 'consilium';
  return {
    name,
    read: ({ headers: { cookie = '' } }) => {
      if (cookie.length > MAX_HEADER_CHARS) return undefined;
      const token = parseCookie(cookie)[name];
      return token !== undefined && TOKEN.test(token) ? token : undefined;
    },
    write: (response, token) => {
      const maxAge = token === undefined ? 0 : SESSION_MAX_MS / 1000;
      const cookie = { name, value: token ?? '', maxAge, path: '/', secure, httpOnly: true } as const;
      response.append('set-cookie', stringifySetCookie({ ...cookie, sameSite: 'strict' }));
    },
  };
}
