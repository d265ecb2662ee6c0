/**
 * Makes a scenario's faults happen, from outside: it cuts connections, holds training back and spoils updates, while
 * coordinator and sites run the code that they run anywhere. Every attempt begins with connections whole, so that what
 * happens in a round does not depend on the rounds before.
 */
import { TrainingAborted, type LocalTrainer } from '../../client/training/local-update.ts';
import type { RoundReport } from '../../coordinator/round/events.ts';
import type { Phase } from '../../coordinator/round/state.ts';
import type { Clock } from '../../shared/clock.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import type { ProtectionMode } from '../../shared/protocol/protection.ts';
import type { MemoryTransport } from '../virtual/memory-transport.ts';
import type { VirtualSite } from '../virtual/prepare.ts';
import { corruptFrame, corruptUpdate } from './corruption.ts';
import {
  checkScenario,
  describeFault,
  faultsAt,
  type Fault,
  type FaultPhase,
  type FaultScenario,
  type Position,
} from './scenario.ts';

/** A fault that befell a site. */
export interface InjectedFault {
  readonly siteId: SiteId;
  readonly fault: string;
}

export interface FaultDirector {
  /** Before an attempt: everyone is connected, but for those that the scenario keeps away. */
  begin(position: Position): void;
  report(report: RoundReport): void;
  /** The site's trainer under the faults. */
  trainerOf(siteId: SiteId, trainer: LocalTrainer): LocalTrainer;
  /** What arrives of a frame that the site has sent. */
  passUp(siteId: SiteId, frame: Frame): Frame;
  /** What was planned for the attempt that began last. */
  injected(): readonly InjectedFault[];
}

interface DirectorOptions {
  readonly scenario: FaultScenario;
  readonly runSeed: number;
  /** Of the plan. */
  readonly protection: ProtectionMode;
  readonly sites: readonly Pick<VirtualSite, 'siteId' | 'name'>[];
  readonly clock: Clock;
  readonly transport: MemoryTransport;
}

/** @throws InputError for a scenario that does not fit the sites */
export function createFaultDirector(options: DirectorOptions): FaultDirector {
  checkScenario(options.scenario, options.sites, options.protection);
  return new Director(options);
}

/** For simulations in which nothing goes wrong. */
export const noFaults: FaultDirector = {
  begin: () => undefined,
  report: () => undefined,
  trainerOf: (_, trainer) => trainer,
  passUp: (_, frame) => frame,
  injected: () => [],
};

/** Those that begin when the coordinator enters a phase. */
const PHASES_BY_ENTRY: Readonly<Partial<Record<Phase, FaultPhase>>> = {
  advertising: 'advertising',
  sharingKeys: 'sharing-keys',
  training: 'training',
  consistency: 'consistency',
  unmasking: 'unmasking',
};

class Director implements FaultDirector {
  readonly #options: DirectorOptions;
  #faults: ReadonlyMap<SiteId, readonly Fault[]> = new Map();
  #cancelTimers: (() => void)[] = [];

  constructor(options: DirectorOptions) {
    this.#options = options;
  }

  begin(position: Position): void {
    const { sites, transport, scenario, runSeed } = this.#options;
    for (const cancel of this.#cancelTimers.splice(0)) cancel();
    this.#faults = new Map(
      sites.map((site) => [site.siteId, faultsAt(scenario, runSeed, site, position)] as const),
    );
    for (const { siteId } of sites) {
      const isAway = this.#of(siteId).some(
        ({ kind, ...f }) => kind === 'drop' && 'phase' in f && f.phase === 'selecting',
      );
      if (isAway) transport.disconnect(siteId);
      else transport.reconnect(siteId);
    }
  }

  report(report: RoundReport): void {
    if (report.kind !== 'phaseEntered') return;
    const phase = PHASES_BY_ENTRY[report.phase];
    if (phase === undefined) return;
    // A moment later, when the round has done all that belongs to the new phase and before its requests arrive.
    this.#later(0, () => {
      for (const { siteId } of this.#options.sites) this.#cut(siteId, phase);
    });
  }

  trainerOf(siteId: SiteId, trainer: LocalTrainer): LocalTrainer {
    return {
      train: async (request) => {
        let result = await trainer.train(request);
        for (const fault of this.#of(siteId)) {
          if (fault.kind === 'straggle') await this.#wait(fault.delayMs, request.signal);
          if (fault.kind === 'corrupt') result = corruptUpdate(fault.how, result);
        }
        this.#cut(siteId, 'uploading');
        return result;
      },
      ...this.#counting(siteId, trainer),
    };
  }

  /** In the round of counts a slow site counts slowly; there is no update that could be spoilt. */
  #counting(siteId: SiteId, trainer: LocalTrainer): Pick<LocalTrainer, 'count'> {
    const count = trainer.count?.bind(trainer);
    if (!count) return {};
    return {
      count: async (request) => {
        const counts = await count(request);
        for (const fault of this.#of(siteId))
          if (fault.kind === 'straggle') await this.#wait(fault.delayMs, request.signal);
        this.#cut(siteId, 'uploading');
        return counts;
      },
    };
  }

  passUp(siteId: SiteId, frame: Frame): Frame {
    return this.#of(siteId).reduce(
      (passed, fault) => (fault.kind === 'corrupt' ? corruptFrame(fault.how, passed) : passed),
      frame,
    );
  }

  injected(): readonly InjectedFault[] {
    return [...this.#faults].flatMap(([siteId, faults]) =>
      faults.map((fault) => ({ siteId, fault: describeFault(fault) })),
    );
  }

  #of(siteId: SiteId): readonly Fault[] {
    return this.#faults.get(siteId) ?? [];
  }

  #cut(siteId: SiteId, phase: FaultPhase): void {
    const { transport, scenario } = this.#options;
    for (const fault of this.#of(siteId)) {
      if (fault.kind === 'drop' && fault.phase === phase) transport.disconnect(siteId);
      if (fault.kind === 'flap' && fault.phase === phase) {
        transport.interrupt(siteId);
        if (fault.awayMs > scenario.graceMs)
          this.#later(scenario.graceMs, () => {
            transport.disconnect(siteId);
          });
        this.#later(fault.awayMs, () => {
          transport.reconnect(siteId);
        });
      }
    }
  }

  #later(delayMs: number, action: () => void): void {
    this.#cancelTimers.push(this.#options.clock.schedule(delayMs, action));
  }

  /** @throws TrainingAborted when the signal comes first */
  #wait(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        cancel();
        reject(new TrainingAborted('the round ended while the site was slow'));
      };
      const cancel = this.#options.clock.schedule(delayMs, () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
  }
}
