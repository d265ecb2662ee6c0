/**
 * The colours of reports and charts. Series follow Okabe and Ito's palette, darkened or lightened until each has a
 * contrast of at least 3 with its background (WCAG 2.2, 1.4.11) and all text at least 4.5 (1.4.3). A heat cell's shade
 * stays light enough in the light theme, and dark enough in the dark one, for its text.
 */

export const LIGHT = {
  page: '#f6f7f8',
  surface: '#ffffff',
  text: '#1c2127',
  quiet: '#586069',
  rule: '#d9dde2',
  accent: '#0b62a8',
  heat: '#7fb8e6',
  warning: '#fdf3df',
  warningrule: '#a86200',
  information: '#eaf2fa',
  s0: '#0b62a8',
  s1: '#c4540a',
  s2: '#0a7f62',
  s3: '#a8478f',
  s4: '#7a6a00',
  s5: '#3f8ac0',
  s6: '#6a4fc9',
  s7: '#555b66',
} as const;

export type Palette = Readonly<Record<keyof typeof LIGHT, string>>;

export const DARK: Palette = {
  page: '#111418',
  surface: '#191d22',
  text: '#e8eaed',
  quiet: '#a4acb6',
  rule: '#343b44',
  accent: '#6cb2ec',
  heat: '#1f5f96',
  warning: '#33280f',
  warningrule: '#e0a33a',
  information: '#16273a',
  s0: '#6cb2ec',
  s1: '#f08a4b',
  s2: '#3fc39b',
  s3: '#d98cc4',
  s4: '#d6c34a',
  s5: '#a8d4f5',
  s6: '#b9a5ff',
  s7: '#a9b0bb',
};
