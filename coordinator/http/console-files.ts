/**
 * Hands the console to browsers: a page, and its program and style under names that hold their hashes. Nothing comes from
 * elsewhere, and nothing inline is run: a name with markup in it stays text even where a page forgot to escape it.
 */
import type { RequestHandler, Response } from 'express';
import { codeOf } from '../../shared/errors.ts';
import type { PageBundle, PageFile } from '../../shared/page-bundle.ts';

export interface ConsoleFilesOptions {
  /** Called at the first request; its answer is kept. */
  readonly bundle: () => Promise<PageBundle>;
  /** How people reach the coordinator. */
  readonly url: string;
  readonly onError: (error: unknown) => void;
}

const INDEX = '/index.html';
const YEAR_S = 365 * 24 * 3600;
/** Of the console's own views; a name with a dot in it is a file. */
const VIEW = /^\/(?!api\/)[\w/:~-]*$/;

/**
 * Content Security Policy Level 3. Browsers disagree whether 'self' has websockets in it (§6.7.2.8), so that ours is named.
 * Blobs are pictures that a chart is saved as.
 */
export function consolePolicy(url: string): string {
  const socket = new URL(url).origin.replace(/^http/, 'ws');
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    `connect-src 'self' ${socket}`,
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    ...(url.startsWith('https:') ? ['upgrade-insecure-requests'] : []),
  ].join('; ');
}

export function serveConsole({ bundle, url, onError }: ConsoleFilesOptions): RequestHandler {
  const policy = consolePolicy(url);
  let bundling: Promise<PageBundle> | undefined;
  const files = (): Promise<PageBundle> => {
    bundling ??= bundle().catch((error: unknown) => {
      // What is put right meanwhile is seen at the next request.
      bundling = undefined;
      throw error;
    });
    return bundling;
  };
  return async (request, response, next) => {
    const isFile = request.path.startsWith('/assets/');
    const isView = VIEW.test(request.path) && request.accepts(['json', 'html']) === 'html';
    if ((request.method !== 'GET' && request.method !== 'HEAD') || (!isFile && !isView)) {
      next();
      return;
    }
    let page: PageBundle;
    try {
      page = await files();
    } catch (error) {
      onError(error);
      response.status(503).json({
        code: 'no-console',
        message: `the console cannot be shown (${codeOf(error)}); the log says more`,
      });
      return;
    }
    const file = page.files.get(isFile ? request.path : INDEX);
    if (!file) {
      next();
      return;
    }
    response.setHeader('content-security-policy', policy);
    sendFile(response, file, request.acceptsEncodings('gzip') === 'gzip');
  };
}

function sendFile(
  response: Response,
  { contentType, bytes, gzip, isImmutable }: PageFile,
  zipped: boolean,
): void {
  response.setHeader('content-type', contentType);
  response.setHeader(
    'cache-control',
    isImmutable ? `public, max-age=${String(YEAR_S)}, immutable` : 'no-store',
  );
  response.vary('accept-encoding');
  if (zipped) response.setHeader('content-encoding', 'gzip');
  const sent = zipped ? gzip : bytes;
  response.end(Buffer.from(sent.buffer, sent.byteOffset, sent.byteLength));
}
