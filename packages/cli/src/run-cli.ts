/** The command line: from arguments to an exit code. */
import { Command, CommanderError } from 'commander';
import { addArchive } from './commands/archive.js';
import { addCancel } from './commands/cancel.js';
import { addDataset } from './commands/dataset.js';
import { addDelete } from './commands/delete.js';
import { addDoctor } from './commands/doctor.js';
import { addExport } from './commands/export.js';
import { addFigure } from './commands/figure.js';
import { addGc } from './commands/gc.js';
import { addKey } from './commands/key.js';
import { addList } from './commands/list.js';
import { addPaper } from './commands/paper.js';
import { addPlan } from './commands/plan.js';
import { addProject } from './commands/project.js';
import { addRestore } from './commands/restore.js';
import { addRetry } from './commands/retry.js';
import { addRun } from './commands/run.js';
import { addShow } from './commands/show.js';
import { addTheory } from './commands/theory.js';
import { addUp } from './commands/up.js';
import { addWatch } from './commands/watch.js';
import { errorJson, errorText, exitCodeOf } from './error-report.js';
import { type ExitCode, exitCodes } from './exit-code.js';
import { Session, type Streams } from './session.js';

/** What a command does with its arguments and options. */
export type CommandAction<Options> = (
  session: Session,
  args: string[],
  options: Options,
) => Promise<ExitCode>;
/** Adds a command to the program; `action` turns what it does into what commander calls. */
export type AddCommand = (
  program: Command,
  action: <Options>(run: CommandAction<Options>) => (...received: unknown[]) => Promise<void>,
) => Command;

const commands: readonly AddCommand[] = [
  ...[addUp, addRun, addPlan, addList, addShow, addWatch],
  ...[addCancel, addRetry, addDelete, addExport, addDataset, addTheory, addFigure, addPaper],
  ...[addArchive, addRestore, addGc, addDoctor],
  ...[addKey, addProject],
];

/**
 * Runs one command.
 *
 * @param args the arguments, without node and the script
 * @param defaultUrl the server where --url is not given
 * @param key what is shown to a server that asks for one; never an argument, which every user of the machine can read
 * @returns the exit code: 0 fine, 1 the experiment failed, 2 bad usage or spec, 3 no server
 */
export async function runCli(
  args: readonly string[],
  streams: Streams,
  defaultUrl: string,
  key: string | null = null,
): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.fine;
  const program = new Command('tessera')
    .description('Kernel matrices of infinitely wide networks, computed in tiles.')
    .option('--url <url>', 'the server (TESSERA_URL)', defaultUrl)
    .option('--json', 'write JSON')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      writeErr: (text) => void streams.stderr.write(text),
      getOutHelpWidth: () => streams.stdout.columns ?? 100,
      getErrHelpWidth: () => streams.stderr.columns ?? 100,
    })
    .showHelpAfterError('(more with --help)');
  const action =
    <Options>(run: CommandAction<Options>) =>
    async (...received: unknown[]) => {
      const command = received.at(-1) as Command;
      const { url, json } = command.optsWithGlobals<{ url: string; json?: boolean }>();
      const session = new Session(url, json === true, streams, key);
      exitCode = await run(session, command.args, command.opts() as Options);
    };
  for (const add of commands) add(program, action);
  for (const command of allCommands(program)) {
    command.copyInheritedSettings(command.parent ?? program);
    command.exitOverride();
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
    const isJson = args.includes('--json');
    streams.stderr.write(`${isJson ? JSON.stringify(errorJson(error)) : errorText(error)}\n`);
    return exitCodeOf(error);
  }
}

function allCommands(program: Command): Command[] {
  return program.commands.flatMap((command) => [command as Command, ...allCommands(command as Command)]);
}
