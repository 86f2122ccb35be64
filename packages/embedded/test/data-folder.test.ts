import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DataFolderInUse, holdDataFolder } from '../src/index.js';
import { identify } from '../src/process-identity.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tessera-data-folder-'));
  cleanups.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('a data folder', () => {
  it('is held by one living stack', async () => {
    const dataDir = await temporaryFolder();
    const folder = await holdDataFolder(dataDir);
    await expect(holdDataFolder(dataDir)).rejects.toThrow(DataFolderInUse);
    await folder.release();
    await (await holdDataFolder(dataDir)).release();
  });

  it('waits a moment for a stack that is just going', async () => {
    const dataDir = await temporaryFolder();
    const going = spawn('sleep', ['0.2'], { stdio: 'ignore' });
    const record = { supervisor: identify(going.pid as number), children: {} };
    await writeFile(join(dataDir, 'stack.json'), JSON.stringify(record));
    await (await holdDataFolder(dataDir)).release();
  });

  it('is taken from a killed stack by exactly one of several starts', async () => {
    const dataDir = await temporaryFolder();
    await (await holdDataFolder(dataDir)).release();
    const dead = { supervisor: { pid: process.pid, startTicks: '1' }, children: {} };
    await writeFile(join(dataDir, 'stack.json'), JSON.stringify(dead));
    const starts = await Promise.allSettled(Array.from({ length: 5 }, () => holdDataFolder(dataDir)));
    const held = starts.filter((start) => start.status === 'fulfilled');
    expect(held).toHaveLength(1);
    await held[0]?.value.release();
  });

  it('is taken from a killed stack after its services have been ended', async () => {
    const dataDir = await temporaryFolder();
    const orphan = spawn('sleep', ['1000'], { stdio: 'ignore' });
    const ended = once(orphan, 'exit');
    const bystander = spawn('sleep', ['1000'], { stdio: 'ignore' });
    cleanups.push(async () => bystander.kill());
    const dead = {
      supervisor: { pid: 2 ** 22 + 1, startTicks: '1' },
      children: { worker: identify(orphan.pid as number), other: { pid: bystander.pid, startTicks: '1' } },
    };
    await writeFile(join(dataDir, 'stack.json'), JSON.stringify(dead));
    await (await holdDataFolder(dataDir)).release();
    await ended;
    expect(orphan.signalCode).toBe('SIGTERM');
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
  });
});
