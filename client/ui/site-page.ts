/** What the site's page shows and does, without how it is asked: the folder of the site and its agent. */
import type { Clock } from '../../shared/clock.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { fingerprintOf } from '../../shared/crypto/fingerprint.ts';
import { messageOf } from '../../shared/errors.ts';
import { programVersion } from '../../shared/program-version.ts';
import { readTerms } from '../agent/terms.ts';
import { readPolicy, type SiteFolder } from '../config.ts';
import { BenefitDesk } from './benefit-desk.ts';
import { CohortDesk } from './cohort-desk.ts';
import { LedgerReader } from './ledger-reader.ts';
import type { PageAgent } from './page-agent.ts';
import type { PageEvent, StateView } from './views.ts';

export interface SitePageOptions {
  readonly folder: SiteFolder;
  readonly agent: PageAgent;
  readonly clock: Clock;
  /** Told what changed. */
  readonly publish: (event: PageEvent) => void;
}

export class SitePage {
  readonly folder: SiteFolder;
  readonly agent: PageAgent;
  readonly clock: Clock;
  readonly ledger: LedgerReader;
  readonly cohort: CohortDesk;
  readonly benefit: BenefitDesk;
  readonly #publish: (event: PageEvent) => void;
  readonly #fingerprint: string;

  constructor({ folder, agent, clock, publish }: SitePageOptions) {
    this.folder = folder;
    this.agent = agent;
    this.clock = clock;
    this.ledger = new LedgerReader(folder);
    this.#publish = publish;
    this.#fingerprint = fingerprintOf(folder.identity.publicKey);
    this.cohort = new CohortDesk(folder, clock, () => {
      publish({ topic: 'data' });
    });
    this.benefit = new BenefitDesk({ folder, agent, clock }, () => {
      publish({ topic: 'benefit' });
    });
  }

  /** Resolves when nothing is scanned or compared any more. */
  async close(): Promise<void> {
    await Promise.all([this.cohort.close(), this.benefit.close()]);
  }

  /** Plans, policy and ledger are others now. */
  decided(): void {
    for (const topic of ['plans', 'policy', 'ledger'] as const) this.#publish({ topic });
  }

  async state(): Promise<StateView> {
    const { path, config } = this.folder;
    const { siteId, coordinator, engine, data } = config;
    return {
      nowMs: this.clock.nowMs(),
      site: {
        ...{ siteId, folder: path, engine, version: programVersion(), data: data ?? null },
        fingerprint: this.#fingerprint,
      },
      coordinator: { url: coordinator.url, fingerprint: fingerprintOf(fromHex(coordinator.key)) },
      agent: await this.agent.status(),
      stopping: this.agent.stopping() ?? null,
      now: this.agent.now() ?? null,
      policy: this.#policy(),
    };
  }

  #policy(): StateView['policy'] {
    try {
      const { approvedPlans, twoPersonApproval = false } = readPolicy(this.folder);
      readTerms(this.folder);
      return { problem: null, approvedPlans: approvedPlans.length, twoPersonApproval };
    } catch (error) {
      return { problem: messageOf(error), approvedPlans: 0, twoPersonApproval: false };
    }
  }
}
