/** The other side of a comparison: programs of their own that answer in lines of JSON. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareEnvironment } from '../scripts/bootstrap/python.mjs';
import { root } from '../scripts/bootstrap/run.mjs';

const environment = join(root, '.cache/bench-python');
/** Compiling, or the slowest run there is, on a slow machine. */
const answerMs = 300_000;

export const peerFile = (name) => fileURLToPath(new URL(`peers/${name}`, import.meta.url));

let python = null;
/** Makes the peers' Python once. @returns {Promise<string>} its program @throws Error with the reason why not */
export function peerPython() {
  python ??= preparePython();
  return python;
}

async function preparePython() {
  const reason = await prepareEnvironment({
    what: 'the Python with neural-tangents',
    folder: environment,
    requirements: 'bench/peers/requirements.txt',
    // What jaxlib 0.4.30 has wheels for.
    oldestMinor: 9,
    newestMinor: 12,
  });
  if (reason !== null) throw new Error(`neural-tangents could not be set up: ${reason}`);
  return join(environment, 'bin/python');
}

const running = new Set();
process.on('exit', () => {
  for (const peer of running) peer.stop();
});

/** A long-lived process: one request a line in, one answer a line out. */
export class Peer {
  #child;
  #waiting = null;
  #errors = '';
  #pending = '';

  constructor(command, args, env = {}) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    running.add(this);
    this.#child.stderr.on('data', (chunk) => {
      this.#errors = (this.#errors + chunk).slice(-4000);
    });
    this.#child.stdout.on('data', (chunk) => this.#read(String(chunk)));
    this.#child.stdin.on('error', () => {});
    this.#child.on('error', (error) => this.#fail(error.message));
    this.#child.on('close', (code, signal) => {
      running.delete(this);
      const end = this.#errors.trim().split('\n').slice(-2).join(' ');
      this.#fail(`${command} ended (${signal ?? code}): ${end}`);
    });
  }

  /** The next line that the process writes. @throws Error when it says `error`, ends or takes too long */
  answer() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#child.kill('SIGKILL');
        this.#fail(`no answer for ${answerMs / 1000} s`);
      }, answerMs);
      this.#waiting = {
        settle: (message) => {
          clearTimeout(timer);
          if (message.error === undefined) resolve(message);
          else reject(new Error(message.error));
        },
      };
      if (this.failure !== undefined) this.#fail(this.failure);
      else this.#deliver();
    });
  }

  ask(message) {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
    return this.answer();
  }

  stop() {
    this.#child.kill('SIGKILL');
  }

  #read(text) {
    this.#pending += text;
    this.#deliver();
  }

  #deliver() {
    const end = this.#pending.indexOf('\n');
    if (end < 0 || this.#waiting === null) return;
    const line = this.#pending.slice(0, end);
    this.#pending = this.#pending.slice(end + 1);
    this.#settle(JSON.parse(line));
  }

  #fail(reason) {
    this.failure ??= reason;
    this.#settle({ error: this.failure });
  }

  #settle(message) {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.settle(message);
  }
}
