/** `consilium doctor`: what this machine can train on, as a table or as JSON. */
import { Command } from 'commander';
import {
  diagnose,
  type Diagnosis,
  type EngineDiagnosis,
  type MachineDescription,
} from '../../shared/learning/engines/doctor.ts';
import { alignedRows } from '../report/text-table.ts';

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

const speed = (imagesPerSecond: number): string =>
  imagesPerSecond < 10 ? imagesPerSecond.toFixed(1) : imagesPerSecond.toFixed(0);

function machineLines(machine: MachineDescription): string[] {
  const disk = machine.freeDiskBytes === null ? 'unknown' : gigabytes(machine.freeDiskBytes);
  return [
    `Node ${machine.node} on ${machine.platform}`,
    `${machine.processor}, ${String(machine.cores)} cores`,
    `memory ${gigabytes(machine.memoryBytes)} (${gigabytes(machine.freeMemoryBytes)} free), disk ${disk} free`,
  ];
}

function engineRow(engine: EngineDiagnosis): readonly string[] {
  if (!engine.available) return [engine.name, 'no', '', engine.reason];
  return [engine.name, 'yes', speed(engine.imagesPerSecond), engine.device];
}

/** The diagnosis for people. */
export function renderDiagnosis(diagnosis: Diagnosis): string {
  const blocked =
    diagnosis.blockSize === null
      ? 'blocked CPU kernels: not in use'
      : `blocked CPU kernels: in use, ${String(diagnosis.blockSize)} channels`;
  const rows = [['engine', 'works', 'images/s', 'device, or why not'], ...diagnosis.engines.map(engineRow)];
  const help = diagnosis.engines.flatMap((engine) =>
    engine.help === undefined ? [] : [`  ${engine.name}: ${engine.help}`],
  );
  return [
    ...machineLines(diagnosis.machine),
    blocked,
    '',
    ...alignedRows(rows),
    '',
    'images/s: training steps of the default CNN on 28×28 images, batch 32, one thread.',
    ...(help.length === 0 ? [] : ['', 'What makes the others work:', ...help]),
  ].join('\n');
}

export interface DoctorDependencies {
  readonly diagnose: typeof diagnose;
  readonly write: (text: string) => void;
  /** Progress; kept apart from the result. */
  readonly writeProgress: (text: string) => void;
  readonly setExitCode: (code: number) => void;
}

const systemDependencies: DoctorDependencies = {
  diagnose,
  write: (text) => process.stdout.write(text),
  writeProgress: (text) => process.stderr.isTTY && process.stderr.write(text),
  setExitCode: (code) => {
    process.exitCode = code;
  },
};

const CLEAR_LINE = '\r\u001b[2K';

/** Exit code 0 when at least one engine works, else 1. */
export function doctorCommand(dependencies: DoctorDependencies = systemDependencies): Command {
  return new Command('doctor')
    .description('say what this machine can train on, and what would make the rest work')
    .option('--json', 'print the diagnosis as JSON')
    .action(async (options: { json?: boolean }) => {
      const diagnosis = await dependencies.diagnose({
        onEngine: (name) => {
          dependencies.writeProgress(`${CLEAR_LINE}trying ${name} …`);
        },
      });
      dependencies.writeProgress(CLEAR_LINE);
      const text = options.json === true ? JSON.stringify(diagnosis, null, 2) : renderDiagnosis(diagnosis);
      dependencies.write(`${text}\n`);
      dependencies.setExitCode(diagnosis.engines.some((engine) => engine.available) ? 0 : 1);
    });
}
