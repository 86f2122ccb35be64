/** Both clients against one running stack: the Python one by its own tests, the TypeScript one against the OpenAPI document. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TesseraClient } from '@tessera/client';
import type { ExperimentSpecInput } from '@tessera/spec';
import { startStack, type TestStack, testPython } from '@tessera/testkit';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

const pythonClient = fileURLToPath(new URL('../clients/python', import.meta.url));
const python = testPython();

const spec: ExperimentSpecInput = {
  name: 'typescript client',
  dataset: { id: 'synthetic', train: 8, test: 4 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: { weightVariance: [1.5], biasVariance: [0.1], depth: [0, 2] },
};

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ workers: 2 });
});
afterAll(() => stack?.stop());

it.skipIf(!python)(
  `the tests of the Python client pass${python ? '' : ' (left out: no Python for the tests)'}`,
  async () => {
    const { code, output } = await pytest();
    expect(code, output).toBe(0);
  },
  900_000,
);

function pytest(): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    // Without a cache: nothing is written into the clone.
    const child = spawn(python as string, ['-m', 'pytest', '-q', '--tb=short', '-p', 'no:cacheprovider'], {
      cwd: pythonClient,
      env: {
        ...process.env,
        TESSERA_URL: stack.url,
        TESSERA_DATA_DIR: stack.dataDir,
        PYTHONDONTWRITEBYTECODE: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString('utf8');
      });
    }
    child.on('error', (error) => resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code, output }));
  });
}

it('what the TypeScript client sends and is answered is as the OpenAPI document says', async () => {
  const document = (await (await fetch(`${stack.url}/openapi.json`)).json()) as OpenApi;
  const used = recordFetch(document);
  const client = new TesseraClient(stack.url);
  try {
    await client.ready();
    await client.planExperiment(spec);
    const { id } = await client.createExperiment(spec, { idempotencyKey: 'clients-test' });
    await client.waitFor(id);
    await expect(client.cancelExperiment(id)).rejects.toMatchObject({ code: 'illegal-state' });
    await expect(client.retryExperiment(id)).rejects.toMatchObject({ code: 'illegal-state' });
    expect((await all(client.experiments({ state: 'completed' }))).map((one) => one.id)).toContain(id);
    expect(await all(client.analyses(id, { kernel: 'ntk', depth: 2 }))).toHaveLength(1);
    expect(await (await client.openAnalysesCsv(id)).text()).toMatch(/^kernel,/);
    expect((await client.listArrays(id)).map(({ name }) => name)).toContain('ntk_train_train');
    await (await client.openArray(id, 'ntk_train_train', { depth: 2, train: '0:4' })).arrayBuffer();
    await client.theory({ activation: { name: 'erf' }, weightVariance: [1, 2], biasVariance: 0.1 });
    expect((await all(client.datasets())).map(({ name }) => name)).toContain('synthetic');
    await client.getDataset('synthetic');
    await expect(client.deleteDataset('synthetic')).rejects.toMatchObject({ code: 'dataset-reserved' });
    await expect(client.putDataset('clients-test', new Uint8Array([1]))).rejects.toMatchObject({
      code: 'invalid-dataset',
    });
    await client.deleteExperiment(id);
  } finally {
    vi.unstubAllGlobals();
  }
  expect(used.size).toBeGreaterThanOrEqual(17);
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

interface Operation {
  parameters?: { name: string; in: string }[];
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}
interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: object;
}

/** Wraps fetch: a request or a JSON answer that is not as described fails. @returns the operations that were used */
function recordFetch(document: OpenApi): Set<string> {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const original = fetch;
  const used = new Set<string>();
  vi.stubGlobal('fetch', async (input: string, init: RequestInit = {}) => {
    const method = init.method ?? 'GET';
    const { pathname, searchParams } = new URL(input);
    const [path, operation] = operationOf(document, method, pathname);
    used.add(`${method} ${path}`);
    const known = operation.parameters?.filter((one) => one.in === 'query').map(({ name }) => name) ?? [];
    for (const name of searchParams.keys()) expect(known, `${method} ${path}`).toContain(name);
    const response = await original(input, init);
    const described = operation.responses[response.status];
    expect(described, `${method} ${path} answers ${response.status}`).toBeDefined();
    const type = (response.headers.get('content-type') ?? '').split(';')[0] as string;
    const schema = described?.content?.[type]?.schema;
    if (type.endsWith('json')) {
      expect(schema, `${method} ${path} answers ${type}`).toBeDefined();
      const isValid = ajv.compile({ ...schema, components: document.components });
      expect(isValid(await response.clone().json()), `${path}: ${ajv.errorsText(isValid.errors)}`).toBe(true);
    }
    return response;
  });
  return used;
}

function operationOf(document: OpenApi, method: string, pathname: string): [string, Operation] {
  for (const [path, item] of Object.entries(document.paths)) {
    const operation = item[method.toLowerCase()];
    const pattern = path.replaceAll('.', '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+');
    if (operation && new RegExp(`^${pattern}$`).test(pathname)) return [path, operation];
  }
  throw new Error(`${method} ${pathname} is not in the OpenAPI document`);
}
