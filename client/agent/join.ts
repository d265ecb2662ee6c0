/** A site joins a federation: its key is made here, and only the public half is sent. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprintOf } from '../../shared/crypto/fingerprint.ts';
import { InputError } from '../../shared/errors.ts';
import type { SiteId } from '../../shared/ids.ts';
import { readInvitation } from '../../shared/protocol/enrolment.ts';
import { hasPolicy, isEnrolled, readDraft, siteIdentity, writeSite } from '../config.ts';
import { sitePolicySchema } from '../session/policy.ts';
import { enrol } from '../transport/coordinator-api.ts';

export interface JoinOptions {
  /** Images with labels on this machine. */
  readonly data?: string | undefined;
  /** PEM file of the authority of the coordinator's certificate. */
  readonly authority?: string | undefined;
  readonly minimumCohort?: number | undefined;
  readonly acknowledgeSmallCohort?: boolean | undefined;
}

export interface Joined {
  readonly siteId: SiteId;
  readonly url: string;
  /** Of the site's key, to be compared with what the coordinator shows. */
  readonly fingerprint: string;
}

/** @throws InputError when the folder holds a site, or the coordinator refuses or is another than the invitation says */
export async function joinFederation(dir: string, code: string, options: JoinOptions): Promise<Joined> {
  const { data, authority, minimumCohort, acknowledgeSmallCohort } = options;
  if (isEnrolled(dir)) throw new InputError(`${dir} holds a site already; choose another folder`);
  if (hasPolicy(dir) && (minimumCohort !== undefined || acknowledgeSmallCohort !== undefined))
    throw new InputError(
      `${join(dir, 'policy.yaml')} is there already and stays as it is: write minimumCohort and smallCohortAcknowledged into it, and leave --minimum-cohort and --acknowledge-small-cohort out`,
    );
  const { siteId, url, ...invitation } = readInvitation(code);
  const draft = readDraft(dir);
  const identity = siteIdentity(dir);
  const ca = authority === undefined ? undefined : readFileSync(authority, 'utf8');
  const answer = await enrol({ url, ca }, { siteId, url, ...invitation }, identity);
  const coordinator = {
    ...{ url, federationId: answer.federationId, key: answer.coordinatorKey },
    ...(authority !== undefined && { authority }),
  };
  await writeSite(
    dir,
    {
      ...{ ...draft, siteId, coordinator, engine: draft?.engine ?? 'onnx' },
      ...(data !== undefined && { data }),
    },
    sitePolicySchema.parse({
      approvedPlans: [],
      ...(minimumCohort !== undefined && { minimumCohort }),
      smallCohortAcknowledged: acknowledgeSmallCohort ?? false,
    }),
  );
  return { siteId, url, fingerprint: fingerprintOf(identity.publicKey) };
}
