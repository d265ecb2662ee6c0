/** A gateway that tells what crosses it: how many bytes, and of a few messages what they are. It changes nothing. */
import { z } from 'zod';
import { runIdSchema, type RunId, type SiteId } from '../../shared/ids.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import { answerTypeSchema, type AnswerType } from '../../shared/protocol/messages.ts';
import type { SiteGateway } from '../../shared/protocol/transport.ts';

export interface GatewayWatcher {
  carried(siteId: SiteId, direction: 'up' | 'down', bytes: number): void;
  /** A site is told of a round. */
  announced(siteId: SiteId, runId: RunId): void;
  accepted(siteId: SiteId, runId: RunId, answer: AnswerType): void;
  /** The word of an authenticated site that has not been checked: good for a bar on a page. */
  stepsDone(siteId: SiteId, steps: number): void;
}

const ackSchema = z.looseObject({
  context: z.looseObject({ runId: runIdSchema }),
  of: answerTypeSchema,
  result: z.looseObject({ status: z.enum(['accepted', 'duplicate', 'late', 'rejected']) }),
});
const progressSchema = z.looseObject({ steps: z.int().min(1).max(1_000_000_000) });

const ANNOUNCEMENT = /^\{"type":"announce","context":\{"runId":"([^"]{1,63})"/;

const bytesOf = ({ header, payload }: Frame): number => header.length + (payload?.byteLength ?? 0);

function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** A signed word of a few hundred characters; nothing longer is looked at. */
const MAX_LOOKED_AT = 2048;

export function watchedGateway(gateway: SiteGateway, watcher: GatewayWatcher): SiteGateway {
  const sent = (siteId: SiteId, { header }: Frame): void => {
    // Its plan and cohort may be long, and nothing of them is needed here.
    const runId = runIdSchema.safeParse(ANNOUNCEMENT.exec(header)?.[1]).data;
    if (runId !== undefined) watcher.announced(siteId, runId);
    if (!header.startsWith('{"type":"ack"')) return;
    const ack = parsed(ackSchema, header);
    if (ack?.result.status === 'accepted') watcher.accepted(siteId, ack.context.runId, ack.of);
  };
  return {
    listen: (handlers) => {
      gateway.listen({
        ...handlers,
        frame: (siteId, frame) => {
          watcher.carried(siteId, 'up', bytesOf(frame));
          const isProgress = frame.header.startsWith('{"type":"progress"');
          const progress =
            isProgress && frame.header.length <= MAX_LOOKED_AT
              ? parsed(progressSchema, frame.header)
              : undefined;
          if (progress) watcher.stepsDone(siteId, progress.steps);
          handlers.frame(siteId, frame);
        },
      });
    },
    send: (siteId, frame) => {
      sent(siteId, frame);
      watcher.carried(siteId, 'down', bytesOf(frame));
      gateway.send(siteId, frame);
    },
    close: () => {
      gateway.close();
    },
  };
}
