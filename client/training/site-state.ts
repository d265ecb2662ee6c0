/**
 * What a site keeps from one round of a run to the next. It never leaves the site: control variates are mean gradients
 * of its images, normalisation statistics describe them.
 */
import type { RunId } from '../../shared/ids.ts';

export type SiteState =
  /** SCAFFOLD: the site's control variate cᵢ, [parameters]. */
  | { readonly kind: 'control'; readonly control: Float32Array }
  /** FedBN: the values of the site's normalisation layers (`normalizationValues`). */
  | { readonly kind: 'normalization'; readonly values: Float32Array };

/** The state of each run, as of the last round that was published with this site's update. */
export interface SiteStates {
  load(runId: RunId): SiteState | undefined | Promise<SiteState | undefined>;
  /** With a promise: resolves once the state would survive the process. */
  save(runId: RunId, state: SiteState): void | Promise<void>;
}

export interface StatesInMemory extends SiteStates {
  load(runId: RunId): SiteState | undefined;
  save(runId: RunId, state: SiteState): void;
}

/** As long as the process lives. */
export function createSiteStates(): StatesInMemory {
  const states = new Map<RunId, SiteState>();
  return {
    load: (runId) => states.get(runId),
    save: (runId, state) => {
      states.set(runId, state);
    },
  };
}
