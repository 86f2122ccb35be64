import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root, say } from './run.mjs';

const folder = join(root, '.cache/bootstrap.lock');

/** Runs `work` while no other bootstrap of this clone runs: two starts at once must not both install. */
export async function withBootstrapLock(work) {
  mkdirSync(join(root, '.cache'), { recursive: true });
  let isTold = false;
  for (;;) {
    try {
      mkdirSync(folder);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned()) rmSync(folder, { recursive: true, force: true });
    else {
      if (!isTold) say('Another start prepares this clone; waiting for it.');
      isTold = true;
      await sleep(500);
    }
  }
  const release = () => rmSync(folder, { recursive: true, force: true });
  try {
    writeFileSync(join(folder, 'pid'), String(process.pid));
    process.once('exit', release);
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

function isAbandoned() {
  try {
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    if (pid === 0) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // No pid file yet: its maker is about to write it.
    return error.code === 'ESRCH';
  }
}
