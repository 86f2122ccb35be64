import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ServiceOptions, type SupervisedProcess, superviseProcess } from '../src/index.js';
import { identify } from '../src/process-identity.js';

let folder: string;
let supervised: SupervisedProcess | null = null;
const lines: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-supervise-'));
  lines.length = 0;
});
afterEach(async () => {
  await supervised?.stop();
  supervised = null;
  await rm(folder, { recursive: true, force: true });
});

async function supervise(program: string, more: Partial<ServiceOptions> = {}): Promise<SupervisedProcess> {
  const main = join(folder, 'main.mjs');
  await writeFile(main, program);
  supervised = superviseProcess({
    name: 'thing',
    main,
    env: process.env,
    logFile: join(folder, 'thing.log'),
    graceMs: 2000,
    onPid: () => {},
    log: (line) => lines.push(line),
    ...more,
  });
  return supervised;
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 90_000;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error('it did not come true in time');
    await sleep(20);
  }
}

const logged = async (text: string) =>
  (await readFile(join(folder, 'thing.log'), 'utf8').catch(() => '')).includes(text);
const lasting = `console.log('up ' + process.pid); setInterval(() => {}, 1000);`;

describe('a supervised process', () => {
  it('is started again when it dies, and told of', async () => {
    const thing = await supervise(lasting);
    await until(() => logged('up'));
    const first = thing.pid() as number;
    process.kill(first, 'SIGKILL');
    await until(() => thing.pid() !== null && thing.pid() !== first);
    expect(thing.failures()).toBe(1);
    expect(lines[0]).toMatch(/thing ended \(SIGKILL\) and is started again; its log is .*thing\.log/);
  });

  it('is asked to stop, and may take its time', async () => {
    const thing = await supervise(
      `process.on('SIGTERM', () => setTimeout(() => { console.log('bye'); process.exit(0); }, 300)); ${lasting}`,
    );
    await until(() => logged('up'));
    await thing.stop();
    expect(await logged('bye')).toBe(true);
    expect(thing.failures()).toBe(0);
  });

  it('is killed when it does not stop in time', async () => {
    const thing = await supervise(`process.on('SIGTERM', () => {}); ${lasting}`, { graceMs: 300 });
    await until(() => logged('up'));
    const pid = thing.pid() as number;
    await thing.stop();
    expect(identify(pid)).toBeNull();
    expect(lines.at(-1)).toBe('thing did not stop within 300 ms and is killed.');
  });

  it('is given up when it never comes up', async () => {
    let isHopeless = false;
    const thing = await supervise(`throw new Error('no library');`, {
      onHopeless: () => {
        isHopeless = true;
      },
    });
    await until(() => isHopeless);
    expect(thing.failures()).toBeGreaterThanOrEqual(4);
    expect(await logged('no library')).toBe(true);
  });

  it('hears by its channel that its supervisor died', async () => {
    const grandchild = join(folder, 'grandchild.mjs');
    await writeFile(grandchild, `process.on('disconnect', () => process.exit(0)); ${lasting}`);
    const library = new URL('../dist/index.js', import.meta.url).href;
    await supervise(
      `import { superviseProcess } from ${JSON.stringify(library)};
       superviseProcess({ name: 'grandchild', main: ${JSON.stringify(grandchild)}, env: process.env, graceMs: 100,
         logFile: ${JSON.stringify(join(folder, 'grandchild.log'))}, onPid: (pid) => console.log('grandchild ' + pid), log() {} });`,
    );
    await until(() => logged('grandchild'));
    const pid = Number(/grandchild (\d+)/.exec(await readFile(join(folder, 'thing.log'), 'utf8'))?.[1]);
    await until(() => readFile(join(folder, 'grandchild.log'), 'utf8').then((text) => text.includes('up')));
    process.kill(supervised?.pid() as number, 'SIGKILL');
    await until(() => identify(pid) === null);
  });
});
