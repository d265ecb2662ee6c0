/** The closed words of plans and their looks. */
import type { ProtectionMode } from '../../../../shared/protocol/protection.ts';
import { Badge, type Tone } from '../../../../shared/ui/panels.tsx';
import type { Decision } from '../../../http/api/site-views.ts';

const PROTECTIONS: Readonly<Record<ProtectionMode, readonly [Tone, string]>> = {
  'secure-aggregation': ['good', 'secure aggregation'],
  box: ['info', 'encrypted box'],
  plain: ['bad', 'not encrypted'],
};

export function protectionBadge(mode: ProtectionMode) {
  const [tone, words] = PROTECTIONS[mode];
  return <Badge tone={tone}>{words}</Badge>;
}

const DECISIONS: Readonly<Record<Decision, readonly [Tone, string]>> = {
  approved: ['good', 'approved'],
  refused: ['bad', 'refused'],
  open: ['neutral', 'not answered'],
};

export function decisionBadge(decision: Decision) {
  const [tone, words] = DECISIONS[decision];
  return <Badge tone={tone}>{words}</Badge>;
}
