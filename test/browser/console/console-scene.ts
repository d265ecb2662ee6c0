/** A federation with a past: two hundred sites, thousands of ledger entries, plans with hostile names, a run in the queue. */
import { COMMAND_LINE } from '../../../coordinator/storage/administration.ts';
import type { Stores } from '../../../coordinator/storage/stores.ts';
import { readPlanText } from '../../../coordinator/plan-text.ts';
import { systemClock } from '../../../shared/clock.ts';
import { toHex } from '../../../shared/crypto/bytes.ts';
import { identityFromSeed } from '../../../shared/crypto/identity.ts';
import { signStatement } from '../../../shared/crypto/statement.ts';
import { runIdSchema, siteIdSchema, type PlanHash } from '../../../shared/ids.ts';
import { hashPlan } from '../../../shared/protocol/plan.ts';

export const SITES = 200;
export const LEDGER_ENTRIES = 2000;
/** Would run in a page that took it for markup. */
export const HOSTILE = '<img src=x onerror="stolen=alert(1)">';

function planText(name: string): string {
  return JSON.stringify({
    task: { name, classNames: ['normal', HOSTILE], imageDims: [1, 16, 16] },
    preprocessing: { size: { height: 16, width: 16 } },
    architecture: { name: 'cnn', options: { filters: [4], dense: 8 } },
    training: { epochs: 1 },
    federation: { strategy: 'fedavg', rounds: 3, minimumCohort: 5, minimumSurvivors: 5 },
    protection: { mode: 'secure-aggregation', smallCohortAcknowledged: true },
    evaluation: {},
    seed: 5,
  });
}

async function addSite({ sites, administration }: Stores, index: number): Promise<void> {
  const siteId = siteIdSchema.parse(`site-${String(index).padStart(3, '0')}`);
  const token = await sites.invite(siteId, 60_000);
  const identity = identityFromSeed(
    new Uint8Array(32)
      .fill(0)
      .with(0, index % 251)
      .with(1, index / 251),
  );
  const fields = { siteId, token, publicKey: toHex(identity.publicKey) };
  const signature = signStatement(identity, 'enrol', fields);
  const refusal = await sites.enrol({ ...fields, signature });
  if (refusal !== undefined) throw new Error(refusal);
  if (index > 0) await administration.setSiteStatus(COMMAND_LINE, siteId, 'active');
  const program = { version: HOSTILE, engine: 'onnx', device: HOSTILE };
  await sites.setAbout(siteId, { program }, systemClock.nowMs());
}

/** @returns the hash of the plan whose name and classes are hostile */
export async function fillFederation(stores: Stores): Promise<PlanHash> {
  const { administration, database, models } = stores;
  for (let i = 0; i <= SITES; i++) await addSite(stores, i);
  for (let done = 0; done < LEDGER_ENTRIES; done += 500)
    await database.transaction().execute(async (transaction) => {
      for (let i = 0; i < 500; i++)
        await administration.log.append(transaction, {
          ...{ actor: COMMAND_LINE, act: 'login', subject: `person-${String(done + i)}` },
        });
    });
  const plan = await readPlanText(planText(HOSTILE), models);
  const planHash = await administration.addPlan(COMMAND_LINE, plan, hashPlan(plan));
  await administration.enqueue(COMMAND_LINE, { runId: runIdSchema.parse('first'), planHash });
  return planHash;
}
