/** Everything that a running coordinator tells: of its queue, its sites, its people and itself. Log and counters are made from it. */
import type { LoginRefusal } from './people/logins.ts';
import type { QueueReport } from './run/queue.ts';
import type { GatewayReport } from './transport/socket-gateway.ts';

export interface RequestReport {
  readonly kind: 'request';
  readonly requestId: string;
  readonly method: string;
  /** The pattern of the path, which holds nothing that the caller has written. */
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  readonly address: string;
  readonly user?: string;
}

export interface LoginReport {
  readonly kind: 'login';
  readonly outcome: 'open' | LoginRefusal;
  readonly address: string;
  /** Only a name that there is. */
  readonly user?: string;
}

export type CoordinatorReport =
  | QueueReport
  | RequestReport
  | LoginReport
  | { readonly kind: 'gateway'; readonly report: GatewayReport }
  | { readonly kind: 'error'; readonly message: string };
