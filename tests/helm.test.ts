/**
 * infra/helm without a cluster: four sets of values rendered by Helm, against the schemas of Kubernetes
 * (kubernetes.schema.json), against what a cluster's policies ask for, and against the code.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from '@tessera/config';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readText, repository } from './compose-file.js';
import { imageEnvironment, inheritedInstructions, lastInstruction, readDockerfile } from './dockerfile.js';
import {
  type Container,
  helm,
  type Manifest,
  podOf,
  readManifests,
  renderChart,
  selects,
} from './helm-chart.js';
import { readPromql } from './promql.js';

const sets = ['laptop', 'cpu-cluster', 'gpu-cluster', 'air-gapped'] as const;
const stages = await readDockerfile();
const schemaText = await readText('tests/kubernetes.schema.json');
const chart = parse(await readText('infra/helm/tessera/Chart.yaml')) as { appVersion: string };
const secrets = mkdtempSync(join(tmpdir(), 'tessera-chart-'));
afterAll(() => rmSync(secrets, { recursive: true }));
for (const name of ['postgres-password', 'first-key']) writeFileSync(join(secrets, name), 'secret');

let rendered: Record<(typeof sets)[number], Manifest[]>;
beforeAll(async () => {
  if (helm === null) return;
  const all = await Promise.all(
    sets.map(async (set) => [
      set,
      await renderChart(['--values', `${repository}infra/helm/values/${set}.yaml`]),
    ]),
  );
  rendered = Object.fromEntries(all);
});

function validators(): (manifest: Manifest) => string[] {
  const { kinds, $defs } = JSON.parse(schemaText) as { kinds: Record<string, object>; $defs: object };
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  const compiled = new Map(Object.entries(kinds).map(([kind, schema]) => [kind, { ...schema, $defs }]));
  const ready = new Map<string, ReturnType<typeof ajv.compile>>();
  return (manifest) => {
    const kind = `${manifest.apiVersion}/${manifest.kind}`;
    const schema = compiled.get(kind);
    if (!schema) return [`${kind} is not in kubernetes.schema.json`];
    const validate = ready.get(kind) ?? ajv.compile(schema);
    ready.set(kind, validate);
    validate(manifest);
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${kind} ${manifest.metadata.name} ${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  };
}

/** The environment of one of our containers, with secrets where this test has them. */
function environmentOf({ image, env = [] }: Container): Record<string, string> {
  const target = /tessera-([a-z-]+):/.exec(image)?.[1] ?? '';
  const own = env.map(({ name, value, valueFrom }) => [
    name,
    valueFrom?.secretKeyRef.key === 'redis-url' ? 'rediss://:word@redis:6379' : (value ?? ''),
  ]);
  const all = { ...imageEnvironment(inheritedInstructions(stages, target)), ...Object.fromEntries(own) };
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [
      name,
      String(value).replace('/run/secrets/tessera', secrets),
    ]),
  );
}

const isOurs = ({ image }: Container) => /(^|\/)tessera-[a-z-]+:/.test(image);

describe.skipIf(helm === null)(`the Helm chart${helm ? '' : ' (left out: no helm)'}`, () => {
  it.each(sets)('%s renders as it is committed', async (set) => {
    const committed = readManifests(await readText(`infra/helm/rendered/${set}.yaml`));
    expect(rendered[set], 'sh infra/helm/render.sh').toEqual(committed);
  });

  it('follows the schemas of Kubernetes 1.35, of KEDA and of the Prometheus operator, without a field too many', () => {
    const errorsOf = validators();
    for (const set of sets) expect(rendered[set].flatMap(errorsOf), set).toEqual([]);
    const [first] = rendered.laptop.filter(({ kind }) => kind === 'Deployment');
    const wrong = structuredClone(first) as Manifest;
    wrong.spec.template.spec.containers[0].readinesProbe = {};
    expect(errorsOf(wrong).join()).toContain('must NOT have additional properties');
  });

  it.each(sets)('%s has pods that a restricted namespace takes', (set) => {
    const pods = rendered[set].flatMap((manifest) => podOf(manifest) ?? []);
    expect(pods.length).toBeGreaterThan(4);
    for (const { labels, pod } of pods) {
      const component = labels['app.kubernetes.io/component'];
      expect(pod, component).toMatchObject({
        enableServiceLinks: false,
        automountServiceAccountToken: false,
      });
      expect([pod.hostNetwork, pod.hostPID, pod.volumes?.find(({ hostPath }) => hostPath)]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(pod.securityContext.runAsUser).toBeGreaterThan(0);
      for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
        expect(container.securityContext, container.name).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.image).toMatch(/:[\w.-]*\d+\.\d+[\w.-]*$/);
        expect(Object.keys(container.resources.requests).sort()).toEqual(['cpu', 'memory']);
        expect(Object.keys(container.resources.limits)).toContain('memory');
        const volumes = pod.volumes?.map(({ name }) => name) ?? [];
        const claims = component === 'postgres' || component === 'redis' ? ['data'] : [];
        for (const { name } of container.volumeMounts) expect([...volumes, ...claims]).toContain(name);
      }
    }
  });

  it.each(sets)('%s gives every service settings that load without a complaint, and time to stop', (set) => {
    for (const { pod, labels } of rendered[set].flatMap((manifest) => podOf(manifest) ?? [])) {
      for (const container of [...pod.containers, ...(pod.initContainers ?? [])].filter(isOurs)) {
        const environment = environmentOf(container);
        const { settings, warnings } = loadSettings(environment, '/app');
        expect(warnings).toEqual([]);
        const names = (container.env ?? []).map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        if (labels['app.kubernetes.io/component'] === 'test') continue;
        expect(settings.databaseUrl).toContain('tessera:secret@');
        expect(settings.store.kind).toBe(set === 'gpu-cluster' ? 's3' : 'folder');
        const { TESSERA_DATA_DIR: data } = environment;
        if (['api', 'worker', 'aggregator'].includes(container.name)) {
          expect(container.volumeMounts).toContainEqual({ name: 'store', mountPath: data });
          expect(1000 * (pod.terminationGracePeriodSeconds ?? 0)).toBeGreaterThan(
            settings.drainMs * Number(container.name === 'api') + settings.graceMs + 10_000,
          );
        }
        const limit = container.resources.limits.cpu ?? container.resources.requests.cpu;
        if (settings.threads !== null && set !== 'laptop')
          expect(Number(limit)).toBeGreaterThanOrEqual(settings.threads);
      }
    }
  });

  it.each(sets)('%s asks for images, ports and paths that there are', async (set) => {
    const routes = await readText('services/api/src/routes/health.ts');
    const served = await readText('packages/service/src/serve-metrics.ts');
    for (const { pod, labels } of rendered[set].flatMap((manifest) => podOf(manifest) ?? [])) {
      const isService = !['migrate', 'test'].includes(labels['app.kubernetes.io/component'] as string);
      for (const container of pod.containers) {
        const { livenessProbe, readinessProbe, startupProbe, ports = [], image } = container;
        expect([livenessProbe !== undefined, readinessProbe !== undefined]).toEqual([isService, isService]);
        if (!isOurs(container)) continue;
        const [, target = '', tag] = /tessera-([a-z-]+):(.+)$/.exec(image) ?? [];
        expect([...stages.keys()]).toContain(target);
        expect(tag).toBe(chart.appVersion);
        const exposed = (lastInstruction(inheritedInstructions(stages, target), 'EXPOSE') ?? '').split(' ');
        if (isService) expect(ports.map(({ containerPort }) => String(containerPort))).toEqual(exposed);
        for (const probe of [livenessProbe, readinessProbe, startupProbe]) {
          if (!probe?.httpGet) continue;
          const { path, port } = probe.httpGet;
          expect(ports.map(({ name }) => name)).toContain(port);
          expect(port === 'http' ? routes : served).toContain(`'${path}'`);
        }
      }
    }
  });

  it.each(sets)('%s joins its objects: what selects finds, what is referred to is there', (set) => {
    const manifests = rendered[set];
    const pods = manifests.flatMap((manifest) => podOf(manifest) ?? []);
    const all = (kind: string) => manifests.filter((manifest) => manifest.kind === kind);
    const named = (kind: string) => all(kind).map(({ metadata }) => metadata.name);
    for (const { spec } of all('Service')) {
      const found = pods.filter(({ labels }) => selects(spec.selector, labels));
      expect(found.length).toBeGreaterThan(0);
      for (const { pod } of found)
        for (const { targetPort } of spec.ports)
          expect(pod.containers.flatMap(({ ports }) => ports?.map(({ name }) => name) ?? [])).toContain(
            targetPort,
          );
    }
    for (const { spec } of all('PodDisruptionBudget'))
      expect(pods.some(({ labels }) => selects(spec.selector.matchLabels, labels))).toBe(true);
    for (const { spec } of [...all('Deployment'), ...all('StatefulSet')])
      expect(selects(spec.selector.matchLabels, spec.template.metadata.labels)).toBe(true);
    // Two Deployments with one selector would fight over pods.
    const selectors = all('Deployment').map(({ spec }) => JSON.stringify(spec.selector.matchLabels));
    expect(new Set(selectors).size).toBe(selectors.length);
    for (const { spec } of all('ScaledObject'))
      expect(named('Deployment')).toContain(spec.scaleTargetRef.name);
    for (const { spec } of all('HorizontalPodAutoscaler'))
      expect(named('Deployment')).toContain(spec.scaleTargetRef.name);
    for (const { spec } of all('ServiceMonitor')) {
      const found = all('Service').filter(({ metadata }) =>
        selects(spec.selector.matchLabels, metadata.labels),
      );
      expect(found.flatMap(({ spec: { ports } }) => ports.map(({ name }: { name: string }) => name))).toEqual(
        ['metrics'],
      );
    }
    for (const { spec } of all('Ingress')) {
      const { name, port } = spec.rules[0].http.paths[0].backend.service;
      const service = all('Service').find(({ metadata }) => metadata.name === name);
      expect(service?.spec.ports.map((one: { name: string }) => one.name)).toContain(port.name);
    }
    for (const { pod } of pods) {
      if (pod.serviceAccountName) expect(named('ServiceAccount')).toContain(pod.serviceAccountName);
      for (const { persistentVolumeClaim, secret } of pod.volumes ?? []) {
        if (persistentVolumeClaim?.claimName === 'tessera-store')
          expect(named('PersistentVolumeClaim')).toContain('tessera-store');
        if (secret) expect(secret.secretName).toBe('tessera');
      }
    }
    // By reference only; and nothing gives anybody rights.
    for (const kind of ['Secret', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'])
      expect(named(kind)).toEqual([]);
    for (const { metadata } of manifests)
      expect(metadata.labels['app.kubernetes.io/instance']).toBe('tessera');
  });

  it.each(sets)('%s closes the network but for what is named', (set) => {
    const policies = rendered[set].filter(({ kind }) => kind === 'NetworkPolicy');
    const closed = policies.find(({ metadata }) => metadata.name === 'tessera-default');
    expect(closed?.spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect([closed?.spec.ingress, closed?.spec.egress]).toEqual([undefined, undefined]);
    for (const { labels } of rendered[set].flatMap((manifest) => podOf(manifest) ?? []))
      expect(selects(closed?.spec.podSelector.matchLabels, labels)).toBe(true);
    const ways = policies.flatMap(({ spec }) => spec.egress ?? []);
    const anywhere = ways.filter(({ to }: { to?: unknown }) => to === undefined);
    const ports = anywhere.flatMap(({ ports }: { ports: { port: number }[] }) =>
      ports.map(({ port }) => port),
    );
    expect(ports).toEqual(
      { laptop: [], 'air-gapped': [], 'cpu-cluster': [5432, 6380], 'gpu-cluster': [5432, 6379, 443] }[set],
    );
  });

  it('scales pools with the tiles that wait or are in hand, down to none', () => {
    const triggers = (set: (typeof sets)[number]) =>
      rendered[set].filter(({ kind }) => kind === 'ScaledObject').map(({ spec }) => spec);
    for (const {
      minReplicaCount,
      triggers: [trigger],
    } of triggers('cpu-cluster')) {
      expect([minReplicaCount, trigger.type, trigger.metadata.targetQueryValue]).toEqual([
        0,
        'postgresql',
        '8',
      ]);
      expect(trigger.metadata).toMatchObject({
        host: 'postgres.example.org',
        port: '5432',
        userName: 'tessera',
        sslmode: 'require',
      });
    }
    const gpu = triggers('gpu-cluster');
    expect(gpu.map(({ triggers: [{ metadata }] }) => metadata.threshold).sort()).toEqual(['32', '8', '8']);
    for (const {
      triggers: [{ metadata }],
    } of gpu)
      expect(readPromql(metadata.query).selectors).toEqual([
        { metric: 'tessera_tasks', labels: ['stack', 'wave', 'state'] },
      ]);
    for (const { kind, spec, metadata } of rendered['gpu-cluster'])
      if (kind === 'Deployment' && metadata.name.includes('-worker-')) expect(spec.replicas).toBeUndefined();
  });

  it('gives each kind of GPU its nodes and its image', () => {
    const pools = rendered['gpu-cluster'].filter(({ metadata }) => /-worker-(a100|l4)$/.test(metadata.name));
    const pods = pools.flatMap((manifest) => podOf(manifest) ?? []);
    expect(pods.map(({ pod }) => pod.nodeSelector?.['nvidia.com/gpu.product'])).toEqual([
      'NVIDIA-A100-SXM4-80GB',
      'NVIDIA-L4',
    ]);
    for (const { pod } of pods)
      for (const { image, resources } of pod.containers)
        expect([image, resources.limits['nvidia.com/gpu']]).toEqual([
          expect.stringContaining('tessera-worker-cuda:'),
          1,
        ]);
  });

  it('brings the alerts and dashboards of infra as they are', async () => {
    const rule = rendered['cpu-cluster'].find(({ kind }) => kind === 'PrometheusRule');
    expect(rule?.spec).toEqual(parse(await readText('infra/prometheus/alerts.yml')));
    const map = rendered['cpu-cluster'].find(({ kind }) => kind === 'ConfigMap') as unknown as {
      data: Record<string, string>;
    };
    expect(Object.keys(map.data)).toHaveLength(5);
    expect(JSON.parse(map.data['tessera-queue.json'] as string)).toEqual(
      JSON.parse(await readText('infra/grafana/dashboards/queue.json')),
    );
  });

  it('migrates before new pods, and has a test', () => {
    for (const set of sets) {
      const job = rendered[set].find(({ kind }) => kind === 'Job') as Manifest;
      // A bundled Postgres is not there before an installation: its first migration is the API's init container's.
      const isBundled = rendered[set].some(({ metadata }) => metadata.name === 'tessera-postgres');
      expect(job.metadata.annotations?.['helm.sh/hook']).toBe(
        isBundled ? 'pre-upgrade' : 'pre-install,pre-upgrade',
      );
      const api = rendered[set].find(
        ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'tessera-api',
      );
      expect(podOf(api as Manifest)?.pod.initContainers?.map(({ name }) => name)).toEqual(
        isBundled ? ['migrate'] : undefined,
      );
      expect(rendered[set].find(({ kind }) => kind === 'Pod')?.metadata.annotations?.['helm.sh/hook']).toBe(
        'test',
      );
    }
  });

  it.each([
    ['workers.cpu.replicas=many', "at '/workers/cpu/replicas'"],
    ['workers.gpu.image=worker-rocm', "at '/workers/gpu/image'"],
    ['worker.replicas=2', "additional properties 'worker' not allowed"],
    ['redis.mode=cluster', "at '/redis/mode'"],
    ['settings.TESSERA_MAX_UPLOAD_BYTES=4294967296', "at '/settings/TESSERA_MAX_UPLOAD_BYTES'"],
    ['database.bundled=false', "at '/database/url'"],
    ['database.url=postgresql://u:word@h/d', "at '/database/url'"],
    ['image.registry=registry.example.org', "at '/image/registry'"],
    ['store.size=plenty', "at '/store/size'"],
  ])('refuses %s by name', async (setting, message) => {
    await expect(renderChart(['--set', setting])).rejects.toThrow(message);
  });
});

it('the schema of values knows every value, and takes the four sets', async () => {
  const schema = JSON.parse(await readText('infra/helm/tessera/values.schema.json'));
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(schema);
  const defaults = parse(await readText('infra/helm/tessera/values.yaml')) as Record<string, unknown>;
  expect(validate(defaults), JSON.stringify(validate.errors)).toBe(true);
  expect(
    Object.keys(schema.properties)
      .filter((name) => name !== 'global')
      .sort(),
  ).toEqual(Object.keys(defaults).sort());
  for (const set of sets) {
    const values = parse(await readText(`infra/helm/values/${set}.yaml`), { merge: true });
    expect(validate(values), `${set}: ${JSON.stringify(validate.errors)}`).toBe(true);
  }
});
