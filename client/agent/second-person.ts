/**
 * Approval by two people, where the policy asks for it: the first one proposes, another one approves. It guards against
 * a hasty or a wrong hand at the site's page and at the command line; who may write the policy file may do everything.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../../shared/atomic-file.ts';
import { planHashSchema, type PlanHash } from '../../shared/ids.ts';
import { hexOf } from '../../shared/protocol/hex.ts';
import { readYamlFile } from '../../shared/yaml-file.ts';

/** Who decides at the command line. */
export const COMMAND_LINE = 'command line';

const proposalSchema = z.strictObject({
  planHash: planHashSchema,
  /** Of the list of sites that the first person has seen. */
  rosterHash: hexOf(64),
  person: z.string().min(1).max(60),
  time: z.iso.datetime(),
});
export type Proposal = z.infer<typeof proposalSchema>;

const fileSchema = z.strictObject({ proposals: z.array(proposalSchema).max(1000) });

const pathOf = (siteFolder: string): string => join(siteFolder, 'proposals.json');

/** What waits for a second person. @throws InputError for a file that is damaged */
export function readProposals(siteFolder: string): readonly Proposal[] {
  const path = pathOf(siteFolder);
  return existsSync(path) ? readYamlFile('proposals', path, fileSchema).proposals : [];
}

async function writeProposals(siteFolder: string, proposals: readonly Proposal[]): Promise<void> {
  const text = `${JSON.stringify({ proposals }, undefined, 2)}\n`;
  await writeAtomically(pathOf(siteFolder), new TextEncoder().encode(text));
}

/** Takes the place of an earlier one for the same plan. */
export async function keepProposal(siteFolder: string, proposal: Proposal): Promise<void> {
  const others = readProposals(siteFolder).filter(({ planHash }) => planHash !== proposal.planHash);
  await writeProposals(siteFolder, [...others, proposal]);
}

export async function dropProposal(siteFolder: string, planHash: PlanHash): Promise<void> {
  const proposals = readProposals(siteFolder);
  const others = proposals.filter((proposal) => proposal.planHash !== planHash);
  if (others.length < proposals.length) await writeProposals(siteFolder, others);
}
