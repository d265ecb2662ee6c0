/** What the commands of the coordinator and of a site have in common. */
import { Command } from 'commander';
import { runInterruptible } from '../interruptible.ts';

export const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Makes sub-commands of one party, whose folder `--dir` names. */
export const commandsOf =
  (folder: { readonly description: string; readonly default: string }) =>
  (name: string, description: string): Command =>
    new Command(name).description(description).option('--dir <folder>', folder.description, folder.default);

/** Runs the action of a sub-command as every command ends: with a sentence and an exit code. */
export const acting =
  <A extends unknown[]>(action: (...args: A) => Promise<void>) =>
  (...args: A): Promise<void> =>
    runInterruptible(() => action(...args));
