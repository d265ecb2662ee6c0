/** The colours of a chart in the theme that the page shows. A canvas knows no style sheet, so that they are values here. */
import { DARK, LIGHT, type Palette } from '../../palette.ts';
import { useTheme } from '../theme.ts';

export const usePalette = (): Palette => (useTheme() === 'dark' ? DARK : LIGHT);
