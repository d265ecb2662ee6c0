/** All operations of the API, but for the description of themselves. */
import { ledgerRoutes } from './ledger-routes.ts';
import { modelRoutes } from './model-routes.ts';
import { overviewRoutes } from './overview-routes.ts';
import { planRoutes } from './plan-routes.ts';
import type { Route } from './route.ts';
import { runDetailRoutes } from './run-detail-routes.ts';
import { runRoutes } from './run-routes.ts';
import type { ApiServices } from './services.ts';
import { sessionRoutes } from './session-routes.ts';
import { settingsRoutes } from './settings-routes.ts';
import { siteRoutes } from './site-routes.ts';
import { userRoutes } from './user-routes.ts';

export const apiRoutes = (services: ApiServices): readonly Route[] => [
  ...sessionRoutes(services),
  ...overviewRoutes(services),
  ...ledgerRoutes(services),
  ...siteRoutes(services),
  ...planRoutes(services),
  ...runRoutes(services),
  ...runDetailRoutes(services),
  ...modelRoutes(services),
  ...userRoutes(services),
  ...settingsRoutes(services),
];
