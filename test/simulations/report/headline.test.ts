/** What came out, in words. */
import { describe, expect, it } from 'vitest';
import type { Estimate, Evaluation } from '../../../shared/learning/metrics/evaluation.ts';
import { gainText, headline } from '../../../simulations/report/headline.ts';
import type { FederationResult, SiteTest } from '../../../simulations/report/result-types.ts';
import { exampleFederation } from './example-results.ts';

const example = exampleFederation({ sites: 3 });

const withAccuracy = (accuracy: Estimate): Evaluation => ({
  ...example.test.federated,
  metrics: { ...example.test.federated.metrics, accuracy },
});

interface Figures {
  readonly federated: number;
  readonly local?: readonly number[];
  readonly pooled?: number;
  readonly gain?: readonly [value: number, low: number, high: number];
  readonly sites?: readonly (readonly [value: number, low: number, high: number])[];
}

function result({ federated, local, pooled, gain, sites = [] }: Figures): FederationResult {
  const difference = ([value, low, high]: readonly [number, number, number]): Estimate => ({
    value,
    interval: { low, high },
  });
  return {
    ...example,
    test: {
      federated: withAccuracy({
        value: federated,
        interval: { low: federated - 0.03, high: federated + 0.03 },
      }),
      ...(pooled !== undefined && { pooled: withAccuracy({ value: pooled }) }),
      ...(local && {
        local: local.map((value, i) => ({ site: `site ${String(i)}`, evaluation: withAccuracy({ value }) })),
      }),
    },
    gains: gain ? { overLocal: difference(gain) } : {},
    siteTests: sites.map((values, i): SiteTest => ({
      site: `hospital ${String(i + 1)}`,
      classCounts: [3, 4],
      figures: {},
      gain: difference(values),
    })),
  };
}

/** Non-breaking blanks as blanks. */
const said = (figures: Figures): string => headline(result(figures)).replaceAll('\u00a0', ' ');

describe('the headline', () => {
  it('says that federating helped, how far, and whom', () => {
    expect(
      said({
        federated: 0.85,
        local: [0.7, 0.8],
        pooled: 0.95,
        gain: [0.1, 0.05, 0.15],
        sites: [
          [0.08, 0.01, 0.15],
          [0.12, -0.01, 0.2],
          [-0.02, -0.1, 0.05],
        ],
      }),
    ).toBe(
      'Federating helped: on images that no hospital has trained on, the shared model is right in 85.0 % of cases ' +
        '(95 %: 82.0–88.0 %), a hospital’s own model in 75.0 % on average. A model trained on all images in one place, ' +
        'which hospitals cannot do, is right in 95.0 %: federating makes up 50 % of the distance. On test images like their ' +
        'own, 2 of 3 hospitals do better with it than alone (1 of them clearly), most of all hospital 2 (+12.0 points); ' +
        'worse off is hospital 3 (−2.0 points).',
    );
  });

  it('calls nothing a difference whose interval holds zero', () => {
    const figures = { federated: 0.76, local: [0.75] } as const;
    expect(said({ ...figures, gain: [0.01, -0.02, 0.04] })).toMatch(/^Federating made no clear difference: /);
    expect(said({ federated: 0.6, local: [0.75], gain: [-0.15, -0.2, -0.1] })).toMatch(
      /^Federating did harm: /,
    );
  });

  it('does not claim a distance that there is not', () => {
    expect(said({ federated: 0.95, local: [0.7], pooled: 0.94 })).toContain(
      '0 %: no better than the shared one.',
    );
    expect(said({ federated: 0.6, local: [0.7], pooled: 0.94 })).not.toContain('makes up');
  });

  it('says what there is when nothing was compared', () => {
    expect(said({ federated: 0.85 })).toBe(
      'On images that no hospital has trained on, the shared model is right in 85.0 % of cases (95 %: 82.0–88.0 %).',
    );
  });

  it('speaks of none, and of one, as people do', () => {
    const figures = { federated: 0.5, local: [0.6] } as const;
    const worse = [-0.1, -0.2, -0.05] as const;
    expect(said({ ...figures, sites: [worse, worse] })).toContain('none of 2 hospitals does better');
    expect(said({ ...figures, sites: [worse, [0.1, 0.05, 0.2]] })).toContain('1 of 2 hospitals does better');
  });
});

describe('a gain', () => {
  it('has its sign and its interval', () => {
    const [site] = result({ federated: 0.5, sites: [[0.042, -0.01, 0.0932]] }).siteTests ?? [];
    expect(site && gainText(site)).toBe('+4.2 (−1.0 to +9.3)');
  });
});
