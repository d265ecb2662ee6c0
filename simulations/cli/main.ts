/** The program `consilium`: its sub-commands, and how it ends. */
import { Command, CommanderError } from 'commander';
import { simulateCommand } from '../simulate-command.ts';
import { demoCommand } from '../demo/demo-command.ts';
import { programVersion } from '../../shared/program-version.ts';
import { cardCommand } from './card-command.ts';
import { coordinatorCommand } from './coordinator-command.ts';
import { doctorCommand } from './doctor-command.ts';
import { explainCommand } from './explain-command.ts';
import { exportCommand } from './export-command.ts';
import { predictCommand } from './predict-command.ts';
import { reportCommand } from './report-command.ts';
import { siteCommand } from './site-command.ts';
import { trainCommand } from './train-command.ts';

/** The user asked for something that there is not; the same as for other unusable input. */
const USAGE_EXIT_CODE = 2;

function consiliumProgram(): Command {
  const program = new Command('consilium')
    .description('Federated multi-hospital training of medical image classifiers')
    .version(programVersion())
    .showHelpAfterError('(--help lists the flags)');
  for (const command of [
    trainCommand(),
    simulateCommand(),
    reportCommand(),
    predictCommand(),
    explainCommand(),
    exportCommand(),
    cardCommand(),
    doctorCommand(),
    coordinatorCommand(),
    siteCommand(),
    demoCommand(),
  ])
    program.addCommand(command);
  return program;
}

/** Errors are thrown instead of ending the process: that is done by an empty event loop only. */
function throwErrors(command: Command): void {
  command.exitOverride();
  command.commands.forEach(throwErrors);
}

/**
 * Sets the process's exit code: 0; 1 for a failure; 2 for input that cannot be used; 130, 143, 129 when it was stopped
 * by Ctrl-C, a request to end, a closed terminal.
 * @param args without the program's own name
 */
export async function main(args: readonly string[]): Promise<void> {
  const program = consiliumProgram();
  throwErrors(program);
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version come here as well; commander has printed what there is to say.
    const isHelp = error.exitCode === 0 || (error.code === 'commander.help' && args.length === 0);
    process.exitCode = isHelp ? 0 : USAGE_EXIT_CODE;
  }
}
