import { TesseraClient } from '@tessera/client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openProcesses, type Processes } from './processes.js';
import { openCollector } from './trace-collector.js';

vi.setConfig({ testTimeout: 240_000 });

let processes: Processes;
let collector: Awaited<ReturnType<typeof openCollector>>;
beforeAll(async () => {
  [processes, collector] = await Promise.all([openProcesses(), openCollector()]);
});
afterAll(async () => {
  collector?.close();
  await processes?.close();
});

const spec = {
  name: 'traced',
  dataset: { id: 'synthetic', train: 8, test: 4 },
  architecture: { family: 'fcn', activation: { name: 'relu' } },
  grid: { weightVariance: [2], biasVariance: [0], depth: [1, 2] },
  analysis: { regression: { diagReg: [0.1] } },
} as const;

it('one trace follows an experiment from its POST through dispatch, tile and acceptance to its analyses', async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const services = ['api', 'worker', 'aggregator'] as const;
  const running = services.map((service) => processes.start(service, { TESSERA_DRAIN_MS: '0', ...env }));
  const [url] = await Promise.all(running.map((one) => one.ready()));
  const client = new TesseraClient(url as string);
  const { id } = await client.createExperiment(spec as never);
  expect((await client.waitFor(id)).state).toBe('completed');
  for (const { child, exit, log } of running) {
    child.kill('SIGTERM');
    expect(await exit, log()).toBe(0);
  }

  const { spans } = collector;
  const post = spans.find(({ attributes }) => attributes['http.route'] === '/v1/experiments');
  const trace = spans.filter(({ traceId }) => traceId === post?.traceId);
  const of = (service: string) => trace.filter((span) => span.service === `tessera-${service}`);
  const names = (service: string) => new Set(of(service).map(({ name }) => name));
  expect(names('api')).toContain('dispatch');
  expect([...names('worker')]).toEqual(
    expect.arrayContaining(['train task', 'strip task', 'compute', 'accept']),
  );
  expect([...names('aggregator')]).toEqual(
    expect.arrayContaining(['analysis task', 'finish task', 'compute', 'accept']),
  );
  for (const span of trace.filter(({ name }) => / task$/.test(name)))
    expect(span.attributes['tessera.experiment']).toBe(id);
  // Every span hangs on another of the trace, up to the POST.
  const ids = new Set(trace.map(({ spanId }) => spanId));
  const roots = trace.filter(({ parentSpanId }) => !parentSpanId || !ids.has(parentSpanId));
  expect(roots.map(({ name }) => name)).toHaveLength(1);
  const done = running[1]
    ?.log()
    .split('\n')
    .find((line) => line.includes('"msg":"task done"'));
  expect(JSON.parse(done as string).trace_id).toBe(post?.traceId);
});

it('without the OTEL variables nothing of OpenTelemetry is loaded', async () => {
  const api = processes.start('api', { TESSERA_DRAIN_MS: '0', NODE_DEBUG: 'esm' });
  const client = new TesseraClient(await api.ready());
  const before = collector.spans.length;
  await client.createExperiment(spec as never);
  api.child.kill('SIGTERM');
  expect(await api.exit).toBe(0);
  expect(collector.spans).toHaveLength(before);
  expect(api.log()).not.toMatch(/opentelemetry/);
  expect(api.log()).not.toContain('trace_id');
});
