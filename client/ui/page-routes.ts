/** The questions that the site's page may ask its local server, and who may. Everything that comes in is parsed strictly. */
import { z } from 'zod';
import { planHashSchema } from '../../shared/ids.ts';
import { hexOf } from '../../shared/protocol/hex.ts';
import { decideAgainst, decideFor, plansView } from './plans-view.ts';
import { policyView } from './policy-view.ts';
import { ledgerView, receiptsView, trainingView, verification } from './records-view.ts';
import { PageRefusal } from './refusal.ts';
import type { SitePage } from './site-page.ts';
import type { PageRole, SessionView } from './views.ts';

interface RouteSpec<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  readonly method: 'get' | 'post';
  /** Below `/api`. */
  readonly path: string;
  readonly role: PageRole;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  handle(question: {
    readonly params: z.infer<P>;
    readonly query: z.infer<Q>;
    readonly body: z.infer<B>;
    readonly session: SessionView;
  }): object | Promise<object>;
}

export interface RawQuestion {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly session: SessionView;
}

export interface PageRoute {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly role: PageRole;
  /** Bytes are an image, anything else is JSON. @throws PageRefusal */
  answer(raw: RawQuestion): Promise<object>;
}

/** Of a route that takes nothing: nothing may be there. */
const NONE = z.strictObject({});
const NOTHING = { params: NONE, query: NONE, body: NONE };

function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  spec: RouteSpec<P, Q, B>,
): PageRoute {
  const { method, path, role } = spec;
  return {
    ...{ method, path: `/api${path}`, role },
    answer: async ({ session, ...raw }) => {
      const params = parsed(spec.params, raw.params);
      const query = parsed(spec.query, raw.query);
      const body = parsed(spec.body, raw.body ?? {});
      return spec.handle({ params, query, body, session });
    },
  };
}

function parsed<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value);
  if (!result.success)
    throw new PageRefusal(400, 'malformed', 'the request does not have the form that this agent expects');
  return result.data;
}

const planParams = z.strictObject({ planHash: planHashSchema });
/** Begins with the digest of the cohort; there is nothing in it that could name a file. */
const sampleName = z.string().regex(/^[0-9a-f]{12}-\d{1,4}$/);
const wholeNumber = (most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.int().min(0).max(most));

export function pageRoutes(page: SitePage): readonly PageRoute[] {
  return [...stateRoutes(page), ...planRoutes(page), ...recordRoutes(page), ...dataRoutes(page)];
}

const stateRoutes = (page: SitePage): readonly PageRoute[] => [
  route({ ...NOTHING, method: 'get', path: '/state', role: 'viewer', handle: () => page.state() }),
  route({
    ...NOTHING,
    method: 'get',
    path: '/policy',
    role: 'viewer',
    handle: () => policyView(page.folder),
  }),
  route({
    ...{ ...NOTHING, method: 'post', path: '/stop', role: 'administrator' },
    body: z.strictObject({ when: z.enum(['after-round', 'at-once']) }),
    handle: async ({ body }) => {
      const status = await page.agent.status();
      if (status === 'not-running') throw new PageRefusal(409, 'not-running', 'no agent is running');
      if (status === 'elsewhere' && body.when === 'after-round')
        throw new PageRefusal(
          409,
          'elsewhere',
          'the agent runs in another process: from here it can be ended at once; its own page can wait for the round',
        );
      page.agent.stop(body.when);
      return page.state();
    },
  }),
];

const planRoutes = (page: SitePage): readonly PageRoute[] => [
  route({
    ...{ ...NOTHING, method: 'get', path: '/plans', role: 'viewer' },
    handle: async () => {
      const { entries } = await page.ledger.read();
      const { folder, clock } = page;
      return plansView({ folder, clock, entries });
    },
  }),
  route({
    ...{ ...NOTHING, method: 'post', path: '/plans/:planHash/approve', role: 'administrator' },
    params: planParams,
    body: z.strictObject({ rosterHash: hexOf(64), anyway: z.boolean().default(false) }),
    handle: async ({ params, body, session }) => {
      const outcome = await decideFor(page, { ...params, ...body, person: session.person });
      page.decided();
      return { outcome: outcome.kind };
    },
  }),
  route({
    ...{ ...NOTHING, method: 'post', path: '/plans/:planHash/refuse', role: 'administrator' },
    params: planParams,
    handle: async ({ params }) => {
      await decideAgainst(page, params.planHash);
      page.decided();
      return {};
    },
  }),
];

const recordRoutes = (page: SitePage): readonly PageRoute[] => [
  route({
    ...{ ...NOTHING, method: 'get', path: '/receipts', role: 'viewer' },
    handle: () => receiptsView(page.folder, page.ledger),
  }),
  route({
    ...NOTHING,
    method: 'get',
    path: '/training',
    role: 'viewer',
    handle: () => trainingView(page.folder),
  }),
  route({ ...NOTHING, method: 'get', path: '/benefit', role: 'viewer', handle: () => page.benefit.view() }),
  route({
    ...{ ...NOTHING, method: 'post', path: '/benefit', role: 'administrator' },
    handle: () => page.benefit.compute(),
  }),
  route({
    ...{ ...NOTHING, method: 'get', path: '/ledger', role: 'viewer' },
    query: z.strictObject({
      text: z.string().max(200).default(''),
      before: wholeNumber(1e9).optional(),
      limit: wholeNumber(1000).default(200),
    }),
    handle: ({ query }) => ledgerView(page.ledger, { ...query, before: query.before }),
  }),
  route({
    ...{ ...NOTHING, method: 'get', path: '/ledger/verification', role: 'viewer' },
    handle: () => verification(page.folder),
  }),
];

const dataRoutes = (page: SitePage): readonly PageRoute[] => [
  route({
    ...{ ...NOTHING, method: 'get', path: '/data', role: 'viewer' },
    handle: ({ session }) => page.cohort.view(session.role),
  }),
  route({
    ...{ ...NOTHING, method: 'post', path: '/data/scan', role: 'administrator' },
    handle: ({ session }) => {
      page.cohort.scan();
      return page.cohort.view(session.role);
    },
  }),
  route({
    ...{ ...NOTHING, method: 'get', path: '/data/samples', role: 'administrator' },
    handle: () => page.cohort.samples(),
  }),
  route({
    ...{ ...NOTHING, method: 'get', path: '/data/samples/:sample', role: 'administrator' },
    params: z.strictObject({ sample: sampleName }),
    handle: ({ params }) => page.cohort.picture(params.sample),
  }),
];
