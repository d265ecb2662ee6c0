/** `consilium demo`: a federation to look at, in one command. */
import { Command, InvalidArgumentError } from 'commander';
import { runInterruptible } from '../interruptible.ts';
import { say } from '../cli/command-forms.ts';
import { integer } from '../cli/options.ts';
import { runDemo } from './demo.ts';

interface Flags {
  readonly port: number;
  readonly sites: number;
  readonly rounds: number;
  readonly keep?: string;
}

const between =
  (least: number, most: number) =>
  (text: string): number => {
    const value = integer(text);
    if (value < least || value > most)
      throw new InvalidArgumentError(`Give ${String(least)} to ${String(most)}.`);
    return value;
  };

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'a coordinator and its hospitals on this machine, with generated images and a run, until Ctrl-C',
    )
    .option('--port <number>', 'of the console; 0 is any that is free', between(0, 65_535), 8443)
    .option('--sites <count>', 'hospitals, 3 to 10', between(3, 10), 3)
    .option('--rounds <count>', 'of the run', between(1, 1000), 20)
    .option('--keep <folder>', 'leave everything in this new folder at the end')
    .action((flags: Flags) => runInterruptible((signal) => runDemo({ ...flags, signal, say })));
}
