/**
 * Gives an enrolled site the model file that a plan starts from, and no other file. The site checks the digest by which
 * its plan names the file; here nothing is read that the store does not hold.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { RequestHandler } from 'express';
import type { Clock } from '../../shared/clock.ts';
import { modelHashSchema, type SiteId } from '../../shared/ids.ts';
import { isFreshModelRequest, modelRequestSchema } from '../../shared/protocol/model-request.ts';
import { ModelStore } from '../storage/model-store.ts';
import type { RunStore } from '../storage/run-store.ts';
import type { RegisteredSite } from '../storage/site-registry.ts';

/** A site that reads more slowly than this, about half a megabit a second, keeps a file and a connection open for nothing. */
const SLOWEST_BYTES_PER_MS = 64;
const LEAST_DEADLINE_MS = 60_000;

export interface InitialModelOptions {
  /** `models`: path of the model store. */
  readonly folder: { readonly federationId: string; readonly models: string };
  readonly registry: {
    find(siteId: SiteId): Promise<Pick<RegisteredSite, 'status' | 'publicKey'> | undefined>;
  };
  readonly runs: Pick<RunStore, 'plans'>;
  readonly clock: Pick<Clock, 'nowMs' | 'schedule'>;
}

/** For a request whose body has been read as JSON. */
export function serveInitialModel({ folder, registry, runs, clock }: InitialModelOptions): RequestHandler {
  const store = new ModelStore(folder.models);
  return async (request, response) => {
    const refuse = (status: number, code: string, message: string): void => {
      response.status(status).json({ code, message });
    };
    const parsed = modelRequestSchema.safeParse(request.body);
    if (!parsed.success) {
      refuse(400, 'malformed', 'the request does not have the form that is described');
      return;
    }
    const { siteId, sha512 } = parsed.data;
    const site = await registry.find(siteId);
    if (
      site?.status !== 'active' ||
      !isFreshModelRequest(parsed.data, site.publicKey, folder.federationId, clock)
    ) {
      refuse(
        403,
        'not-authorised',
        'this site is not active here, its key is another, or its clock is wrong',
      );
      return;
    }
    const plans = await runs.plans();
    if (!plans.some(({ plan }) => plan.initialModel?.sha512 === sha512)) {
      refuse(404, 'not-found', 'no plan starts from this model');
      return;
    }
    const path = store.pathOf(modelHashSchema.parse(sha512));
    const found = await stat(path).catch(() => undefined);
    if (!found) {
      refuse(404, 'not-found', 'the model of this plan is missing here: tell the consortium’s administrator');
      return;
    }
    response.status(200).setHeader('content-type', 'application/octet-stream');
    response.setHeader('content-length', found.size);
    // A site that goes away in the middle asks again.
    const cancel = clock.schedule(LEAST_DEADLINE_MS + found.size / SLOWEST_BYTES_PER_MS, () => {
      response.destroy();
    });
    await pipeline(createReadStream(path), response).catch(() => undefined);
    cancel();
  };
}
