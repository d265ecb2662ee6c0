/** A plan while it is written: what is wrong and where, and changes that leave the rest as it was. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  changeDraft,
  NEW_PLAN_TEXT,
  readDraft,
  valueAt,
} from '../../../coordinator/console/pages/plans/plan-draft.ts';
import { FIELD_GROUPS } from '../../../coordinator/console/pages/plans/plan-fields.ts';

const edited = (from: string, to: string): string => {
  expect(NEW_PLAN_TEXT).toContain(from);
  return NEW_PLAN_TEXT.replace(from, to);
};
const lineOf = (part: string): number =>
  NEW_PLAN_TEXT.slice(0, NEW_PLAN_TEXT.indexOf(part)).split('\n').length;

describe('the text of a new plan', () => {
  it('is valid, and every field of the form stands in it or has a default', () => {
    const { plan, problems } = readDraft(NEW_PLAN_TEXT);
    expect(problems).toEqual([]);
    expect(plan?.federation.rounds).toBe(10);
    for (const { label, paths } of FIELD_GROUPS.flatMap(({ fields }) => fields))
      expect(valueAt(plan, paths[0]), label).toBeDefined();
  });

  it('is read as JSON as well', () => {
    const { value } = readDraft(NEW_PLAN_TEXT);
    expect(readDraft(JSON.stringify(value)).plan).toEqual(readDraft(NEW_PLAN_TEXT).plan);
  });
});

describe('problems of a plan', () => {
  it('have the field and the line', () => {
    const { plan, problems } = readDraft(edited('rounds: 10', 'rounds: 0'));
    expect(plan).toBeUndefined();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ field: 'federation.rounds', line: lineOf('rounds: 10') });
  });

  it('point at a field that nobody knows', () => {
    const { problems } = readDraft(edited('  epochs: 2', '  epocs: 2'));
    expect(problems[0]).toMatchObject({ field: 'training', line: lineOf('  epochs: 2') });
    expect(problems[0]?.message).toContain('epocs');
  });

  it('stand at what is around a missing field', () => {
    const { problems } = readDraft(edited('  name: chest x-rays\n', ''));
    expect(problems[0]).toMatchObject({ field: 'task.name', line: lineOf('  name: chest') });
  });

  it('name what contradicts in the plan as a whole', () => {
    const { problems } = readDraft(edited('minimumSurvivors: 4', 'minimumSurvivors: 6'));
    expect(problems.map(({ field }) => field)).toContain('federation.minimumSurvivors');
  });

  it('are those of the text where it is not YAML', () => {
    const { value, problems } = readDraft('task: [1,\nname: {');
    expect(value).toBeUndefined();
    expect(problems[0]?.field).toBe('');
    expect(problems[0]?.line).toBeGreaterThan(0);
    expect(problems[0]?.message).not.toContain('\n');
  });

  it('are told of an alias bomb instead of expanding it', () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) => `l${String(i + 1)}: &l${String(i + 1)} [${`*l${String(i)},`.repeat(9)}]`,
    );
    const { problems } = readDraft(['l0: &l0 [x,x,x]', ...levels].join('\n'));
    expect(problems[0]?.message).toContain('aliases');
  });

  it('never throw, whatever is typed', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), fc.nat(NEW_PLAN_TEXT.length), (typed, at) => {
        const text = `${NEW_PLAN_TEXT.slice(0, at)}${typed}${NEW_PLAN_TEXT.slice(at)}`;
        const { plan, problems } = readDraft(text);
        expect(plan === undefined).toBe(problems.length > 0);
      }),
      { seed: 7, numRuns: 60 },
    );
  });
});

describe('a change of a field', () => {
  it('leaves comments and everything else as it was', () => {
    const changed = changeDraft(NEW_PLAN_TEXT, [['federation', 'rounds']], 25);
    expect(changed).toBe(edited('rounds: 10', 'rounds: 25'));
  });

  it('keeps a list on its line', () => {
    const changed = changeDraft(NEW_PLAN_TEXT, [['task', 'classNames']], ['a', 'b', 'c']);
    expect(changed).toBe(edited('[normal, pneumonia]', '[a, b, c]'));
  });

  it('writes texts so that they are read as texts', () => {
    for (const name of ['true', 'No', '12', 'a: b', ' x ', 'a #b', '"', '*a', '[a', 'Übung 3', '\n']) {
      const changed = changeDraft(NEW_PLAN_TEXT, [['task', 'classNames', 1]], name);
      expect(valueAt(readDraft(changed).value, ['task', 'classNames']), name).toEqual(['normal', name]);
    }
  });

  it('sets several places at once, also those that are not there', () => {
    const paths = [
      ['task', 'imageDims', 1],
      ['preprocessing', 'clahe', 'tiles'],
    ];
    const { value } = readDraft(changeDraft(NEW_PLAN_TEXT, paths, 12));
    expect(valueAt(value, ['task', 'imageDims'])).toEqual([1, 12, 64]);
    expect(valueAt(value, ['preprocessing', 'clahe'])).toEqual({ tiles: 12 });
  });

  it('removes a field, and sets objects and lists', () => {
    const without = changeDraft(NEW_PLAN_TEXT, [['training', 'learningRate']], undefined);
    expect(valueAt(readDraft(without).value, ['training'])).toEqual({ epochs: 2, batchSize: 32 });
    const sgd = changeDraft(NEW_PLAN_TEXT, [['training', 'optimizer']], { kind: 'sgd' });
    expect(readDraft(sgd).plan?.training.optimizer.kind).toBe('sgd');
    const three = changeDraft(NEW_PLAN_TEXT, [['task', 'classNames']], ['a', 'b', 'c: d']);
    expect(readDraft(three).plan?.task.classNames).toEqual(['a', 'b', 'c: d']);
  });

  it('keeps a text that is not YAML', () => {
    expect(changeDraft('a: [', [['a']], 1)).toBe('a: [');
  });

  it('reads back as what was set', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 30 }), (name) => {
        const changed = changeDraft(NEW_PLAN_TEXT, [['task', 'name']], name);
        expect(valueAt(readDraft(changed).value, ['task', 'name'])).toBe(name);
      }),
      { seed: 11, numRuns: 60 },
    );
  });
});
