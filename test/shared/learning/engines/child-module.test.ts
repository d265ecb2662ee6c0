import { describe, expect, it } from 'vitest';
import { nodeArguments, runChildModule } from '../../../../shared/learning/engines/child-module.ts';

const run = (module: string, timeoutMs = 60_000, args: readonly string[] = []) =>
  runChildModule({ module: `fixtures/${module}`, base: import.meta.url, args, timeoutMs });

describe('runChildModule', () => {
  it('returns the message, also of a process that crashes afterwards', async () => {
    expect(await run('answer', 60_000, ['a', 'b'])).toEqual({ kind: 'message', message: ['a', 'b'] });
  });

  it('says how a process ended that was taken down by its library', async () => {
    const outcome = await run('abort');
    expect(outcome).toMatchObject({ kind: 'ended' });
    expect(outcome.kind === 'ended' && outcome.reason).toMatch(
      /ended with (signal SIGABRT|exit code 134): Error: the library is broken/,
    );
  });

  it('says how a process ended that sent nothing', async () => {
    expect(await run('silent')).toEqual({ kind: 'ended', reason: 'its process ended with exit code 3' });
  });

  it('ends a process that does not answer', async () => {
    expect(await run('hang', 500)).toEqual({ kind: 'ended', reason: 'no answer within 0.5 s' });
  });

  it('runs compiled modules without the TypeScript loader', () => {
    const request = { module: 'probe-main', base: 'file:///opt/app/engines/probe-engine.js', args: ['onnx'] };
    expect(nodeArguments(request)).toEqual(['/opt/app/engines/probe-main.js', 'onnx']);
  });
});
