import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fabricatedRows } from './fabricated-rows.js';
import { events, experimentIn, progressAt, type StubApi, sendJson, stubApi, tessera } from './stub-api.js';

let api: StubApi | null = null;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-cli-'));
});
afterEach(async () => {
  await api?.close();
  api = null;
  await rm(folder, { recursive: true });
});
async function withApi(routes: Parameters<typeof stubApi>[0]): Promise<{ url: string }> {
  api = await stubApi(routes);
  return { url: api.url };
}
async function specFile(text = '{"name":"first"}'): Promise<string> {
  const file = join(folder, 'spec.json');
  await writeFile(file, text);
  return file;
}
const state = (name: string) => ({ id: 'e1', state: name, error: null });
const noRows = { 'GET /v1/experiments/e1/analyses': { items: [], nextCursor: null } };

describe('run', () => {
  it('starts an experiment and says where to look', async () => {
    const options = await withApi({ 'POST /v1/experiments': experimentIn('queued') });
    const { exitCode, stdout } = await tessera(['run', await specFile()], options);
    expect(stdout).toBe('e1 is queued.\nNext: tessera watch e1\n');
    expect(exitCode).toBe(0);
  });

  it('reads a spec from standard input and sends it as it is, with an idempotency key', async () => {
    let received: unknown;
    const options = await withApi({
      'POST /v1/experiments': (request: { headers: object }, response: never, body: string) => {
        received = { ...request.headers, body };
        sendJson(response, experimentIn('queued'), 202);
      },
    });
    const { exitCode, stdout } = await tessera(['run', '-', '--json'], {
      ...options,
      stdin: '{"name": "σ"}',
    });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ id: 'e1', state: 'queued' });
    expect(received).toMatchObject({
      body: '{"name":"σ"}',
      'idempotency-key': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it('prints every problem of a spec with its pointer and exits 2', async () => {
    const errors = [
      { pointer: '/grid/depth/3', message: 'grid.depth[3] is -1; write a whole number >= 0.' },
      { pointer: '/name', message: 'name is required; write a string.' },
    ];
    const refuse = (_request: never, response: never) =>
      sendJson(
        response,
        { code: 'invalid-spec', status: 400, detail: 'The spec has 2 problems.', errors },
        400,
      );
    const options = await withApi({ 'POST /v1/experiments': refuse });
    const { exitCode, stdout, stderr } = await tessera(['run', await specFile()], options);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toBe(
      'The spec has 2 problems.\n' +
        '  /grid/depth/3  grid.depth[3] is -1; write a whole number >= 0.\n' +
        '  /name          name is required; write a string.\n',
    );
    const asJson = await tessera(['run', await specFile(), '--json'], options);
    expect(JSON.parse(asJson.stderr)).toEqual({
      code: 'invalid-spec',
      detail: 'The spec has 2 problems.',
      errors,
    });
  });

  it('--wait shows plain timestamped progress, then the result, and exits 0', async () => {
    const rows = fabricatedRows({ weightVariances: [1, 2, 2.5], depths: [0, 10], kernels: ['ntk'] });
    const options = await withApi({
      'POST /v1/experiments': experimentIn('queued'),
      'GET /v1/experiments/e1/events': events(
        ['state', state('running')],
        ['progress', progressAt(5)],
        ['state', state('completed')],
      ),
      'GET /v1/experiments/e1': experimentIn('completed'),
      'GET /v1/experiments/e1/analyses': { items: rows, nextCursor: null },
    });
    const { exitCode, stdout, stderr } = await tessera(['run', await specFile(), '--wait'], options);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ e1 is running$/m);
    expect(stderr).toMatch(/Z tiles 5\/10; analyses 5\/10; strips 0\/10; 8 s left$/m);
    expect(stdout).toContain('training accuracy at t = 4096');
    expect(stdout).toContain('Best of each kernel and phase');
    expect(stdout).toContain('e1 completed after 2 min 5 s.');
    expect(stdout).not.toContain('\u001b');
  });

  it('--wait exits 1 where the experiment failed, and names the cause', async () => {
    const error = { code: 'engine-failed', message: 'Tile 41 failed 3 times: out of memory.' };
    const options = await withApi({
      ...noRows,
      'POST /v1/experiments': experimentIn('queued'),
      'GET /v1/experiments/e1/events': events(['state', state('failed')]),
      'GET /v1/experiments/e1': experimentIn('failed', { error }),
    });
    const { exitCode, stdout } = await tessera(['run', await specFile(), '--wait'], options);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('Tile 41 failed 3 times: out of memory.');
    expect(stdout).toContain('Next: tessera retry e1');
  });

  it('--wait --json prints the ended experiment and nothing else', async () => {
    const options = await withApi({
      'POST /v1/experiments': experimentIn('queued'),
      'GET /v1/experiments/e1/events': events(['progress', progressAt(5)], ['state', state('completed')]),
      'GET /v1/experiments/e1': experimentIn('completed'),
    });
    const { exitCode, stdout, stderr } = await tessera(
      ['run', await specFile(), '--wait', '--json'],
      options,
    );
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'completed' });
  });
});

describe('bad usage exits 2 with one clear line', () => {
  it.each([
    [['run', '/no/such/spec.json'], 'there is no such file or folder'],
    [['run', tmpdir()], 'it is a folder'],
    [['run'], "missing required argument 'spec'"],
    [['export', 'e1', 'kappa'], "required option '--out <file>' not specified"],
    [['export', 'e1', 'kappa', '--out', 'x.npy', '--select', 'depth'], 'write key=value'],
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['list', '--frob'], "unknown option '--frob'"],
    [['list', '--state', 'sleeping'], 'Allowed choices are queued'],
    [['list', '--limit', 'many'], 'write a number'],
    [['list', 'extra'], 'too many arguments'],
    [['list', '--url', 'not a url'], 'is not the address of a server'],
    [
      ['theory', '--activation', 'erff', '--weight-variance', '1', '--bias-variance', '0'],
      'Allowed choices are identity',
    ],
    [['theory', '--activation', 'erf', '--weight-variance', '1:2', '--bias-variance', '0'], 'from:to:count'],
    [['theory', '--activation', 'erf', '--weight-variance', 'x', '--bias-variance', '0'], 'write a number'],
    [['dataset', 'add', 'mine', '/no/such.npz'], 'there is no such file or folder'],
    [['dataset', 'add', 'mine', tmpdir()], 'it is a folder'],
    [['list', '--limit', '0'], 'write a whole number >= 1'],
    [['list', '--limit', '1.5'], 'write a whole number >= 1'],
  ])('tessera %j', async (args, message) => {
    const { exitCode, stderr } = await tessera(args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('a spec file that is not JSON', async () => {
    const { exitCode, stderr } = await tessera(['run', await specFile('{oops')]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('is not valid JSON');
  });

  it('an experiment that does not exist', async () => {
    const { exitCode, stderr } = await tessera(['show', 'nope'], await withApi({}));
    expect([exitCode, stderr]).toEqual([2, 'There is no such experiment.\n']);
  });
});

it('exits 3 where no server answers, and says how to start one', async () => {
  for (const args of [['list'], ['watch', 'e1'], ['show', 'e1'], ['cancel', 'e1']]) {
    const { exitCode, stderr } = await tessera(args);
    expect(exitCode).toBe(3);
    expect(stderr).toContain('No Tessera server answers at http://127.0.0.1:9');
    expect(stderr).toContain('tessera up');
  }
});

it('--help of the program and of each command exits 0', async () => {
  const { stdout } = await tessera(['--help']);
  const names = [
    'up',
    'run',
    'plan',
    'list',
    'show',
    'watch',
    'cancel',
    'retry',
    'delete',
    'export',
    'dataset',
    'theory',
  ];
  for (const name of names) {
    expect(stdout).toContain(`  ${name} `);
    const help = await tessera([name, '--help']);
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toContain(`Usage: tessera ${name}`);
  }
});

describe('the other commands', () => {
  it('plan tells tiles, bytes and time', async () => {
    const summary = {
      kernels: 40,
      tiles: 40,
      analyses: 2400,
      strips: 80,
      tileSize: 256,
      bytes: { kept: 25_300_000, temporary: 1_900_000_000, free: 80_000_000_000 },
      analysis: { mode: 'dense', bytes: 1_700_000, memory: 14_400_000_000 },
      coreSeconds: 312,
      seconds: 165,
      warnings: [],
      spec: {},
    };
    const { stdout } = await tessera(
      ['plan', await specFile()],
      await withApi({ 'POST /v1/plans': summary }),
    );
    expect(stdout).toBe(
      '40 kernels (points of the grid), tiles of 256 images\n40 tiles, 2,400 analyses, 80 strips\n' +
        '25.3 MB kept, 1.9 GB temporary, 80 GB free\n' +
        'matrices analysed in memory, 1.7 MB of 14.4 GB each\nabout 2 min 45 s, 5 min 12 s on one core\n',
    );
    const tight = {
      ...summary,
      bytes: { ...summary.bytes, free: null },
      analysis: { mode: 'streamed', bytes: 1_000_000, memory: null },
      warnings: ['It would be refused: the disk is full.'],
    };
    const second = await tessera(['plan', await specFile()], await withApi({ 'POST /v1/plans': tight }));
    expect(second.stdout).toContain('1.9 GB temporary\nmatrices analysed out of core, 1 MB each\n');
    expect(second.stdout).toMatch(/\nIt would be refused: the disk is full\.\n$/);
  });

  it('list shows experiments as a table, pages followed up to the limit', async () => {
    const running = experimentIn('running', { name: 'x'.repeat(100), progress: progressAt(5) });
    const options = await withApi({
      'GET /v1/experiments': { items: [running], nextCursor: 'more' },
      'GET /v1/experiments?cursor=more': {
        items: [experimentIn('completed'), experimentIn('failed')],
        nextCursor: null,
      },
    });
    const { stdout } = await tessera(['list', '--limit', '2'], options);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^id +state +done +left +created +name$/);
    expect(lines[1]).toMatch(/^e1 +running +33 % +8 s +2026-03-01T14:02:00Z +x{57}\.\.\.$/);
    expect(lines).toHaveLength(3);
    expect(JSON.parse((await tessera(['list', '--json'], options)).stdout)).toHaveLength(3);
  });

  it('list of nothing says what to do next', async () => {
    const { stdout } = await tessera(
      ['list'],
      await withApi({ 'GET /v1/experiments': { items: [], nextCursor: null } }),
    );
    expect(stdout).toContain('Next: tessera run examples/heatmap-fcn.json');
  });

  it('list of nothing in a state says so, and not that there are none', async () => {
    const { stdout } = await tessera(
      ['list', '--state', 'failed'],
      await withApi({ 'GET /v1/experiments': { items: [], nextCursor: null } }),
    );
    expect(stdout).toBe('No experiment is failed.\n');
  });

  it('show prints an experiment and what it found; --json prints it as the API does', async () => {
    const options = await withApi({ ...noRows, 'GET /v1/experiments/e1': experimentIn('completed') });
    const { stdout } = await tessera(['show', 'e1'], options);
    expect(stdout).toContain('fcn, erf, ntk, f64');
    expect(stdout).toContain('cifar10: 4 training and 0 test images');
    const asJson = await tessera(['--json', 'show', 'e1'], options);
    expect(JSON.parse(asJson.stdout)).toEqual(experimentIn('completed'));
  });

  it('a result on synthetic images says so', async () => {
    const experiment = experimentIn('completed');
    experiment.spec.dataset.id = 'synthetic';
    const { stdout } = await tessera(
      ['show', 'e1'],
      await withApi({ ...noRows, 'GET /v1/experiments/e1': experiment }),
    );
    expect(stdout).toContain('Its images are synthetic, not CIFAR-10.');
  });

  it('watch --json prints one event a line', async () => {
    const options = await withApi({
      'GET /v1/experiments/e1/events': events(['progress', progressAt(1)], ['state', state('cancelled')]),
      'GET /v1/experiments/e1': experimentIn('cancelled'),
    });
    const { exitCode, stdout } = await tessera(['watch', 'e1', '--json'], options);
    expect(exitCode).toBe(1);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).event),
    ).toEqual(['progress', 'state']);
  });

  it('cancel, retry and delete call their routes', async () => {
    const options = await withApi({
      'POST /v1/experiments/e1/cancel': experimentIn('cancelling'),
      'POST /v1/experiments/e1/retry': experimentIn('queued'),
      'DELETE /v1/experiments/e1': (
        _request: never,
        response: { writeHead(code: number): { end(): void } },
      ) => response.writeHead(204).end(),
    });
    expect((await tessera(['cancel', 'e1'], options)).stdout).toBe('e1 is cancelling.\n');
    expect((await tessera(['retry', 'e1'], options)).stdout).toContain('e1 is queued.');
    expect((await tessera(['delete', 'e1'], options)).stdout).toBe('e1 is deleted.\n');
  });

  it('export writes the file and passes the selection on', async () => {
    const bytes = Buffer.from('npy bytes');
    const options = await withApi({
      'GET /v1/experiments/e1/arrays/kappa.npy': (_request: never, response: { end(body: Buffer): void }) =>
        response.end(bytes),
    });
    const out = join(folder, 'kappa.npy');
    const select = ['--select', 'depth=10', '--select', 'train=0:256'];
    const { exitCode, stdout } = await tessera(['export', 'e1', 'kappa', '--out', out, ...select], options);
    expect([exitCode, stdout]).toEqual([0, `${out}: 9 bytes\n`]);
    expect(await readFile(out)).toEqual(bytes);
    expect(api?.requests).toEqual(['GET /v1/experiments/e1/arrays/kappa.npy?depth=10&train=0%3A256']);
    const nowhere = await tessera(['export', 'e1', 'kappa', '--out', join(folder, 'no', 'x.npy')], options);
    expect(nowhere.exitCode).toBe(2);
    expect(nowhere.stderr).toContain('there is no such file or folder');
  });

  it('dataset add uploads, dataset list shows', async () => {
    const dataset = {
      id: 'd1',
      name: 'mine',
      source: 'npz',
      shape: { height: 8, width: 8, channels: 1 },
      classes: 10,
      classNames: null,
      trainCount: 1000,
      testCount: 0,
      segments: [],
      sha256: 'ab',
      dtype: 'uint8',
      synthetic: false,
      bytes: 64_000,
      createdAt: null,
    };
    const options = await withApi({
      'PUT /v1/datasets/mine': (_request: never, response: never) => sendJson(response, dataset, 201),
      'GET /v1/datasets': { items: [dataset], nextCursor: null },
    });
    const added = await tessera(['dataset', 'add', 'mine', await specFile()], options);
    expect(added.stdout).toBe(
      'mine is there now: 1,000 training and 0 test images of 8 x 8 x 1, from spec.json.\n',
    );
    expect((await tessera(['dataset', 'list'], options)).stdout).toMatch(
      /mine +npz +1,000 +0 +10 +8 x 8 x 1 +uint8 +64 kB/,
    );
  });

  it('theory sends numbers, lists, ranges and parameters, and prints a table', async () => {
    let request: unknown;
    const row = {
      weightVariance: 1.5,
      biasVariance: 0.05,
      phase: 'chaotic',
      qStar: 0.601753,
      cStar: 0.82053,
      chi1: 1.0347,
      chiC: 0.969552,
      xi1: null,
      xiStar: 15.377,
      xiC: 32.34,
      warnings: ['a warning'],
    };
    const options = await withApi({
      'POST /v1/theory': (_request: never, response: never, body: string) => {
        request = JSON.parse(body);
        sendJson(response, { items: [row] });
      },
    });
    const args = ['theory', '--activation', 'leaky-relu', '--parameter', 'alpha=0.1'];
    const { stdout } = await tessera(
      [...args, '--weight-variance', '0.5:3:40', '--bias-variance', '0.05,0.1'],
      options,
    );
    expect(request).toEqual({
      activation: { name: 'leaky-relu', alpha: 0.1 },
      weightVariance: { from: 0.5, to: 3, count: 40 },
      biasVariance: [0.05, 0.1],
    });
    expect(stdout).toMatch(
      /^ +1\.5 +0\.05 +chaotic +0\.601753 +0\.82053 +1\.0347 +0\.969552 +- +15\.377 +32\.34$/m,
    );
    expect(stdout).toContain('a warning');
  });
});
