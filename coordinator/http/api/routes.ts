/** All operations of the API, but for the description of themselves. */
import { ledgerRoutes } from './ledger-routes.ts';
import { modelRoutes } from './model-routes.ts';
import { planRoutes } from './plan-routes.ts';
import type { Route } from './route.ts';
import { runRoutes } from './run-routes.ts';
import type { ApiServices } from './services.ts';
import { sessionRoutes } from './session-routes.ts';
import { siteRoutes } from './site-routes.ts';
import { userRoutes } from './user-routes.ts';

export const apiRoutes = (services: ApiServices): readonly Route[] => [
  ...sessionRoutes(services),
  ...ledgerRoutes(services),
  ...siteRoutes(services),
  ...planRoutes(services),
  ...runRoutes(services),
  ...modelRoutes(services),
  ...userRoutes(services),
];
