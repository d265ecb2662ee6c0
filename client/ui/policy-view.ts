/** The site's policy in sentences, for its page. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../shared/errors.ts';
import { readPolicy, type SiteFolder } from '../config.ts';
import type { SitePolicy } from '../session/policy.ts';
import type { PolicyView } from './views.ts';

export function policyView(folder: SiteFolder): PolicyView {
  const file = join(folder.path, 'policy.yaml');
  const text = textOf(file);
  try {
    return { file, text, problem: null, sentences: sentencesOf(readPolicy(folder)) };
  } catch (error) {
    const sentences = ['The policy cannot be used. Until that is put right this site takes part in nothing.'];
    return { file, text, problem: messageOf(error), sentences };
  }
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

const COUNTS: Readonly<Record<NonNullable<SitePolicy['ledgerCounts']>, string>> = {
  exact: 'The ledger counts exactly how many images were trained on.',
  span: 'The ledger says how many images were trained on by their order of magnitude only.',
  none: 'The ledger does not say how many images were trained on.',
};

const TOLD: Readonly<Record<NonNullable<SitePolicy['disclosedCounts']>, string>> = {
  exact:
    "The coordinator's people are told exactly how many images and patients of each class there are here.",
  span: "The coordinator's people are told how many images and patients there are by their order of magnitude only.",
  none: "The coordinator's people are not told how many images there are here.",
};

function disclosuresOf(policy: SitePolicy): readonly string[] {
  const { disclosedCounts = 'span', disclosesDecisions = true, disclosesProgram = true } = policy;
  const told = [
    ...(disclosesDecisions ? ['which plans are approved here'] : []),
    ...(disclosesProgram ? ['the version of the agent, its engine and processor'] : []),
  ];
  return [
    TOLD[disclosedCounts],
    told.length === 0
      ? 'They are told nothing else outside the rounds.'
      : `They are also told ${told.join(' and ')}.`,
  ];
}

function sentencesOf(policy: SitePolicy): readonly string[] {
  const { approvedPlans, minimumCohort, minimumThreshold, rosterHash } = policy;
  const { smallCohortAcknowledged = false, twoPersonApproval = false, ledgerCounts = 'span' } = policy;
  const plans =
    approvedPlans.length === 0
      ? 'No plan is approved: this site takes part in nothing.'
      : `${String(approvedPlans.length)} ${approvedPlans.length === 1 ? 'plan is' : 'plans are'} approved. Anything else is refused.`;
  return [
    plans,
    `This site takes part in rounds of ${String(minimumCohort)} sites or more.`,
    smallCohortAcknowledged
      ? 'Masked rounds of three or four sites are allowed: somebody here knows that their sum says much about each.'
      : 'Masked rounds of fewer than five sites are refused.',
    minimumThreshold === undefined
      ? "Anything of this site is unmasked only when more than half of a round's sites agree."
      : `Anything of this site is unmasked only when ${String(minimumThreshold)} sites or more agree.`,
    rosterHash === undefined
      ? 'The list of sites that holds is the one of the last approval; a changed list has to be approved again.'
      : 'One list of sites is fixed in the policy; any other is refused.',
    twoPersonApproval
      ? 'A plan holds only when two people have approved it.'
      : 'One person is enough to approve a plan.',
    COUNTS[ledgerCounts],
    ...disclosuresOf(policy),
    'No plan of this version asks for differential privacy; there is no privacy budget to be spent.',
  ];
}
