/** Programs that the bootstrap runs, and what it says meanwhile. Node's own modules only. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** A reason to stop that is for the person who typed the command: printed without a stack. */
export class StartError extends Error {
  name = 'StartError';
}

export function say(line) {
  console.log(line);
}

/** The environment without npm's own variables, which would steer another npm. */
export function plainEnv(more = {}) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  return { ...env, ...more };
}

/**
 * Runs a program to its end, keeping what it prints.
 * @returns {Promise<{code: number | null, output: string}>} code null: it could not be started, or was killed
 */
export function run(command, args, { cwd = root, env = plainEnv(), show = false } = {}) {
  return new Promise((resolve) => {
    const stdio = show ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'];
    const child = spawn(command, args, { cwd, env, stdio });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        output += chunk;
      });
    }
    child.on('error', (error) => resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code, output: output.trim() }));
  });
}

/** Runs a program that must succeed. @throws StartError with the beginning and the end of what it printed */
export async function mustRun(what, command, args, options) {
  const { code, output } = await run(command, args, options);
  if (code !== 0) throw new StartError(`${what} failed (${[command, ...args].join(' ')}):\n${ends(output)}`);
  return output;
}

/** Does a step, saying what it is and how long it took. */
export async function step(what, work) {
  const started = performance.now();
  say(`${what} ...`);
  const result = await work();
  say(`  done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return result;
}

/** The first error is often the cause, and the last line the verdict. */
function ends(text) {
  const lines = text.split('\n');
  return lines.length <= 60 ? text : [...lines.slice(0, 30), '...', ...lines.slice(-30)].join('\n');
}

export function lastLines(text, count) {
  return text.split('\n').slice(-count).join('\n');
}
