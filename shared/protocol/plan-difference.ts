/** What is different in a plan from the one that was approved before, for the person who has to decide. */
import type { Plan } from './plan.ts';

/** Every value of a plan with the way to it, in words: `federation, rounds`. */
function fieldsOf(value: unknown, path: readonly string[] = []): ReadonlyMap<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return new Map([[path.map(inWords).join(', '), JSON.stringify(value)]]);
  return new Map(Object.entries(value).flatMap(([key, item]) => [...fieldsOf(item, [...path, key])]));
}

/** `minimumCohort` → `minimum cohort` */
const inWords = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** One sentence for each difference, sorted; none when nothing is different. */
export function planDifference(before: Plan, now: Plan): readonly string[] {
  const [old, fresh] = [fieldsOf(before), fieldsOf(now)];
  const names = [...new Set([...old.keys(), ...fresh.keys()])].sort();
  return names.flatMap((name) => {
    const [was, is] = [old.get(name), fresh.get(name)];
    if (was === is) return [];
    if (was === undefined) return [`${name}: ${is ?? ''} (was not set)`];
    if (is === undefined) return [`${name}: no longer set (was ${was})`];
    return [`${name}: ${is} (was ${was})`];
  });
}
