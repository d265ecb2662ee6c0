/** What the certificate says that the coordinator's port shows. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathIn, type CoordinatorFolder } from '../config.ts';

export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since the Unix epoch. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

const DAY_MS = 86_400_000;

/** Undefined where the coordinator does no TLS of its own, or the file cannot be read any more. */
export function certificateOf(
  folder: Pick<CoordinatorFolder, 'config' | 'path'>,
): CertificateFacts | undefined {
  const { tls } = folder.config;
  if (!tls) return undefined;
  try {
    const { subject, issuer, validFrom, validTo } = new X509Certificate(
      readFileSync(pathIn(folder, tls.certificate)),
    );
    return { subject, issuer, notBeforeMs: Date.parse(validFrom), notAfterMs: Date.parse(validTo) };
  } catch {
    return undefined;
  }
}

/** Whole days; negative when it has expired. */
export const daysLeft = ({ notAfterMs }: CertificateFacts, nowMs: number): number =>
  Math.floor((notAfterMs - nowMs) / DAY_MS);
