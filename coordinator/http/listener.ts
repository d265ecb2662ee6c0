/** The coordinator's port: HTTP, or HTTPS with a certificate, with limits for those who send slowly. */
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { ConsiliumError, InputError, messageOf } from '../../shared/errors.ts';
import { pathIn, type CoordinatorFolder } from '../config.ts';

export interface ListenerLimits {
  /** A request's headers have to be there within this. */
  readonly headersTimeout: number;
  /** All of a request has to be there within this; sites' connections are none once they are made. */
  readonly requestTimeout: number;
  /** How often the two are looked at. */
  readonly connectionsCheckingInterval: number;
}
const DEFAULT_LIMITS: ListenerLimits = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5000,
};
/** Requests of sites and consoles have a few short ones. */
const MAX_HEADERS = 64;
const MAX_HEADER_BYTES = 16 * 1024;

type ListenerFolder = Pick<CoordinatorFolder, 'config' | 'path'>;

/** The port belongs to another process, or the address is not there yet: both may pass. */
export class PortError extends ConsiliumError {
  readonly code = 'PORT';
}

/** @throws InputError when the certificate cannot be used */
export function createListener(
  folder: ListenerFolder,
  app: RequestListener,
  limits: ListenerLimits = DEFAULT_LIMITS,
): Server {
  const { tls } = folder.config;
  const options = { ...limits, maxHeaderSize: MAX_HEADER_BYTES };
  const server = tls ? secureServer(folder, tls, app, options) : createHttp(options, app);
  server.maxHeadersCount = MAX_HEADERS;
  return server;
}

function secureServer(
  folder: ListenerFolder,
  tls: { readonly certificate: string; readonly key: string },
  app: RequestListener,
  options: ServerOptions,
): Server {
  const read = (file: string): Buffer => {
    try {
      return readFileSync(pathIn(folder, file));
    } catch (cause) {
      throw new InputError(`tls: ${file} cannot be read: ${messageOf(cause)}`, { cause });
    }
  };
  try {
    return createHttps({ ...options, cert: read(tls.certificate), key: read(tls.key) }, app);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`tls: certificate and key cannot be used: ${messageOf(cause)}`, { cause });
  }
}

/** @throws PortError when the port cannot be had */
export function listen(server: Server, { config }: Pick<CoordinatorFolder, 'config'>): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const place = `${config.host}:${String(config.port)}`;
      reject(new PortError(`the coordinator cannot listen on ${place}: ${messageOf(cause)}`, { cause }));
    });
    server.listen(config.port, config.host, resolve);
  });
}

export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
