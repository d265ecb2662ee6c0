/** What the commands of a site have in common. */
import { commandsOf } from './command-forms.ts';

export interface SiteOptions {
  readonly dir: string;
  readonly json?: boolean;
}

export const siteCommandNamed = commandsOf({ description: "the site's folder", default: 'site-data' });
