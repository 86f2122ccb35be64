/**
 * docker-compose.yml, infra/docker/Dockerfile and .env.example against the code they name, without a Docker engine.
 * compose-spec.schema.json is the schema of the Compose Specification (Apache-2.0, compose-spec/compose-spec), as
 * check-jsonschema 0.39.0 of PyPI carries it, formatted.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings, parseRedis, variables } from '@tessera/config';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  type ComposeService,
  milliseconds,
  readCompose,
  readEnvFile,
  readText,
  reference,
  repository,
} from './compose-file.js';
import { imageEnvironment, inheritedInstructions, lastInstruction, readDockerfile } from './dockerfile.js';

const stages = await readDockerfile();
const exampleText = await readText('.env.example');
const example = readEnvFile(exampleText);
const composeText = await readText('docker-compose.yml');
const compose = await readCompose(example);
/** The folder of the secrets, as the script makes it. */
const secrets = mkdtempSync(join(tmpdir(), 'tessera-secrets-'));
execFileSync('sh', [`${repository}infra/docker/secrets.sh`, secrets]);
afterAll(() => rmSync(secrets, { recursive: true }));
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.build !== undefined);
const bundled = services.filter(([, service]) => service.build === undefined);
const serviceVariables: string[] = variables.filter((v) => v.readers === 'services').map((v) => v.name);

/** What a container's process finds in its environment; secrets where this test has them. */
function environmentOf(service: ComposeService): Record<string, string> {
  const all = {
    ...imageEnvironment(inheritedInstructions(stages, service.build?.target ?? '')),
    ...service.environment,
  };
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [name, value.replace('/run/secrets', secrets)]),
  );
}

function defaultOf(name: string): string {
  return variables.find((variable) => variable.name === name)?.default ?? '';
}

describe('docker-compose.yml', () => {
  it('follows the schema of the compose specification', async () => {
    const schema = JSON.parse(await readText('tests/compose-spec.schema.json'));
    const validate = new Ajv2020({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
    validate(compose);
    expect(validate.errors).toBeNull();
  });

  it('mounts each secret where it is read, from a file that secrets.sh makes', () => {
    for (const [name, { file }] of Object.entries(compose.secrets)) {
      expect(file).toBe(`${example.SECRETS_DIR}/${name}`);
      if (!name.startsWith('s3-'))
        expect(readFileSync(join(secrets, name), 'utf8')).toMatch(/^(tessera_first_)?[0-9a-f]{64}\n$/);
    }
    expect(statSync(secrets).mode & 0o777).toBe(0o700);
    const { identities } = JSON.parse(readFileSync(join(secrets, 's3-config'), 'utf8'));
    const [{ accessKey, secretKey }] = identities[0].credentials;
    expect(readFileSync(join(secrets, 's3-credentials'), 'utf8')).toBe(
      `[default]\naws_access_key_id = ${accessKey}\naws_secret_access_key = ${secretKey}\n`,
    );
    for (const [name, { environment = {}, command = [], secrets: mounted = [] }] of services) {
      const read = [...Object.values(environment), ...command].flatMap(
        (value) => /(?:^|=)\/run\/secrets\/(.+)$/.exec(value)?.[1] ?? [],
      );
      expect([name, ...read.sort()]).toEqual([name, ...[...mounted].sort()]);
      expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining(mounted));
    }
    const before = readFileSync(join(secrets, 'first-key'), 'utf8');
    execFileSync('sh', [`${repository}infra/docker/secrets.sh`, secrets]);
    expect(readFileSync(join(secrets, 'first-key'), 'utf8')).toBe(before);
  });

  it('names only variables that the services read, with the defaults of the code', () => {
    for (const [, name = '', operator, operand] of composeText.matchAll(reference)) {
      if (['SECRETS_DIR', 'GRAFANA_PORT', 'AWS_ENDPOINT_URL_S3', 'AWS_REGION'].includes(name)) continue;
      expect(serviceVariables).toContain(name);
      // cpus has another word for "all" than TESSERA_THREADS; the folder's default is a volume; absent workers are one.
      const isOwnDefault = ['TESSERA_THREADS', 'TESSERA_CIFAR10_DIR', 'TESSERA_WORKERS'].includes(name);
      if (operator === ':-' && operand !== '' && !isOwnDefault) expect(operand, name).toBe(defaultOf(name));
    }
    for (const [, service] of services) {
      const names = Object.keys(environmentOf(service)).filter((name) => name.startsWith('TESSERA_'));
      expect(serviceVariables).toEqual(expect.arrayContaining(names));
    }
  });

  it.each(ours)('gives %s settings that load without a complaint', (_, service) => {
    const { settings, warnings } = loadSettings(environmentOf(service), '/app');
    expect(warnings).toEqual([]);
    const database = new URL(settings.databaseUrl ?? '');
    expect(compose.services).toHaveProperty(database.hostname);
    const { POSTGRES_USER, POSTGRES_PASSWORD_FILE, POSTGRES_DB } =
      compose.services[database.hostname]?.environment ?? {};
    expect(POSTGRES_PASSWORD_FILE).toBe('/run/secrets/postgres-password');
    expect([database.username, database.password, database.pathname]).toEqual([
      POSTGRES_USER,
      readFileSync(join(secrets, 'postgres-password'), 'utf8').trim(),
      `/${POSTGRES_DB}`,
    ]);
    if (settings.redisUrl !== null)
      expect(compose.services).toHaveProperty(parseRedis(settings.redisUrl).nodes[0]?.host ?? '');
    expect(settings.cifar10Dir).toBeNull();
  });

  it.each(ours)('builds %s from a target that the Dockerfile has', (_, service) => {
    expect(service.build).toMatchObject({ context: '.', dockerfile: 'infra/docker/Dockerfile' });
    expect([...stages.keys()]).toContain(service.build?.target);
  });

  it.each(bundled)('pins the image of %s to a version', (_, service) => {
    expect(service.image).toMatch(/^[a-z/]+:v?\d+\.\d+(\.\d+)?(-bookworm)?$/);
  });

  it('publishes the API and Grafana alone, on this machine alone, on the port it listens on', () => {
    const published = services.filter(([, service]) => service.ports !== undefined).map(([name]) => name);
    expect(published).toEqual(['api', 'grafana']);
    expect(compose.services.grafana?.ports).toEqual([`127.0.0.1:${example.GRAFANA_PORT}:3000`]);
    const api = compose.services.api as ComposeService;
    const inside = environmentOf(api).TESSERA_PORT;
    expect(inside).toBe(defaultOf('TESSERA_PORT'));
    expect(environmentOf(api).TESSERA_HOST).toBe('0.0.0.0');
    expect(api.ports).toEqual([`${defaultOf('TESSERA_HOST')}:${defaultOf('TESSERA_PORT')}:${inside}`]);
    expect(lastInstruction(inheritedInstructions(stages, 'api'), 'EXPOSE')).toBe(`${inside} 9464`);
    expect(compose.networks.backend).toEqual({ internal: true });
    for (const [name, { networks }] of services) {
      expect(networks).toEqual(published.includes(name) ? ['backend', 'frontend'] : ['backend']);
    }
  });

  it('asks paths for health that the API answers', async () => {
    const routes = await readText('services/api/src/routes/health.ts');
    const image = lastInstruction(inheritedInstructions(stages, 'api'), 'HEALTHCHECK');
    const tests = [compose.services.api?.healthcheck?.test.at(-1), image];
    const paths = tests.map(
      (test) => /127\.0\.0\.1:(?:7878|\$\{process\.env\.TESSERA_PORT\})(\/[a-z]+)/.exec(test ?? '')?.[1],
    );
    expect(paths).toEqual(['/readyz', '/healthz']);
    for (const path of paths) expect(routes).toContain(`app.get('${path}'`);
    const served = await readText('packages/service/src/serve-metrics.ts');
    for (const target of ['worker', 'worker-cuda', 'aggregator']) {
      const instructions = inheritedInstructions(stages, target);
      const test = lastInstruction(instructions, 'HEALTHCHECK') ?? '';
      expect(test).toMatch(/127\.0\.0\.1:\$\{process\.env\.TESSERA_METRICS_PORT\}\/healthz/);
      expect(served).toContain("request.url === '/healthz'");
      expect(imageEnvironment(instructions).TESSERA_METRICS_PORT).toBe(
        lastInstruction(instructions, 'EXPOSE'),
      );
    }
  });

  it('waits for what has to be there: a healthy database and queue, and the schema', () => {
    for (const [name, service] of ours) {
      const expected = {
        migrate: 'service_completed_successfully',
        postgres: 'service_healthy',
        redis: 'service_healthy',
      };
      const conditions = Object.entries(service.depends_on ?? {}).map(([on, { condition }]) => [
        on,
        condition,
      ]);
      expect(Object.fromEntries(conditions)).toEqual(
        name === 'migrate' ? { postgres: 'service_healthy' } : expected,
      );
    }
    for (const [name, service] of services) {
      expect(service.restart, name).toBe(['migrate', 'bucket'].includes(name) ? 'no' : 'unless-stopped');
      if (name === 'postgres' || name === 'redis') expect(service.healthcheck?.test[0]).toBe('CMD');
    }
  });

  it.each(ours)('stops %s later than its tasks may take to be given back', (_, service) => {
    const { graceMs, drainMs } = loadSettings(environmentOf(service)).settings;
    // services/*: draining and giving back are followed by up to 10 s of closing.
    expect(milliseconds(service.stop_grace_period ?? '')).toBeGreaterThan(drainMs + graceMs + 10_000);
  });

  it('shares one volume where the API, the workers and the aggregator keep data', () => {
    for (const name of ['api', 'worker', 'worker-cuda', 'aggregator']) {
      const service = compose.services[name] as ComposeService;
      expect(service.volumes).toContain(`data:${environmentOf(service).TESSERA_DATA_DIR}`);
    }
    const used = services
      .flatMap(([, service]) => service.volumes ?? [])
      .map((volume) => volume.split(':')[0] as string)
      .filter((source) => !source.startsWith('./'));
    expect(Object.keys(compose.volumes).sort()).toEqual([...new Set(used)].sort());
  });

  it('mounts the CIFAR-10 folder read-only where one is given', async () => {
    const given = await readCompose({ ...example, TESSERA_CIFAR10_DIR: '/images' });
    expect(given.services.api?.volumes).toContain('/images:/cifar10:ro');
    expect(loadSettings(environmentOf(given.services.api as ComposeService)).settings.cifar10Dir).toBe(
      '/cifar10',
    );
  });

  it('can run many workers: no name, port or file of a container is theirs alone', () => {
    const { container_name, ports, volumes } = compose.services.worker as ComposeService;
    expect([container_name, ports]).toEqual([undefined, undefined]);
    expect(volumes).toEqual(['data:/var/lib/tessera']);
  });

  it('keeps the queue on disk and never lets Redis drop a key', () => {
    const command = compose.services.redis?.command?.join(' ');
    expect(command).toContain('--appendonly yes');
    expect(command).toContain('--maxmemory-policy noeviction');
  });

  it('lets our services and the monitoring write nowhere but to their volumes', () => {
    for (const [name, service] of services)
      if (!['postgres', 'redis', 'seaweedfs', 'bucket'].includes(name))
        expect([name, service.read_only]).toEqual([name, true]);
  });

  it('starts GPU workers and monitoring only where their profile is named', () => {
    const profiles = services.flatMap(([name, { profiles }]) => (profiles ? [[name, ...profiles]] : []));
    expect(profiles).toEqual([
      ['worker-cuda', 'gpu'],
      ['seaweedfs', 's3'],
      ['bucket', 's3'],
      ['prometheus', 'monitoring'],
      ['grafana', 'monitoring'],
    ]);
    expect(compose.services['worker-cuda']?.deploy?.resources?.reservations.devices).toEqual([
      { driver: 'nvidia', count: 1, capabilities: ['gpu'] },
    ]);
  });

  it('keeps tiles in the bucket of the profile s3 where it is asked to', async () => {
    const given = await readCompose({ ...example, TESSERA_STORE: 's3://tessera/store' });
    for (const name of ['api', 'worker', 'worker-cuda', 'aggregator']) {
      const environment = environmentOf(given.services[name] as ComposeService);
      expect(loadSettings(environment).settings.store).toMatchObject({ bucket: 'tessera', prefix: 'store' });
      const endpoint = new URL(environment.AWS_ENDPOINT_URL_S3 as string);
      expect(given.services[endpoint.hostname]?.command).toContain(`-s3.port=${endpoint.port}`);
    }
    expect(given.services.bucket?.command?.join()).toContain('s3.bucket.create -name tessera');
  });

  it('lets Prometheus find every process, and Grafana find Prometheus and the dashboards', async () => {
    const { scrape_configs: jobs, rule_files: rules } = parse(
      await readText('infra/prometheus/prometheus.yml'),
    ) as {
      rule_files: string[];
      scrape_configs: { job_name: string; dns_sd_configs: { names: string[]; port: number }[] }[];
    };
    const found = jobs.flatMap(({ dns_sd_configs: [finder] }) => finder?.names ?? []);
    expect(found.sort()).toEqual(
      ours
        .map(([name]) => name)
        .filter((name) => name !== 'migrate')
        .sort(),
    );
    for (const {
      dns_sd_configs: [finder],
    } of jobs)
      expect(String(finder?.port)).toBe(
        environmentOf(compose.services.worker as ComposeService).TESSERA_METRICS_PORT,
      );
    for (const file of rules) expect(existsSync(`${repository}infra/prometheus/${file}`)).toBe(true);
    const { datasources } = parse(
      await readText('infra/grafana/provisioning/datasources/prometheus.yml'),
    ) as { datasources: { url: string }[] };
    expect(datasources[0]?.url).toBe('http://prometheus:9090');
    const { providers } = parse(await readText('infra/grafana/provisioning/dashboards/tessera.yml')) as {
      providers: { options: { path: string } }[];
    };
    const grafana = compose.services.grafana as ComposeService;
    expect(grafana.volumes).toContain(`./infra/grafana/dashboards:${providers[0]?.options.path}:ro`);
    expect(grafana.environment?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH).toBe(
      `${providers[0]?.options.path}/overview.json`,
    );
    for (const volume of [...(grafana.volumes ?? []), ...(compose.services.prometheus?.volumes ?? [])])
      if (volume.startsWith('./'))
        expect(existsSync(`${repository}${volume.split(':')[0]}`), volume).toBe(true);
  });
});

describe('.env.example', () => {
  it('lists every variable of docker-compose.yml and no other', () => {
    const named = [...composeText.matchAll(reference)].map((match) => match[1]);
    expect(Object.keys(example).sort()).toEqual([...new Set(named)].sort());
  });

  it('says what the code would take by itself', () => {
    for (const [name, value] of Object.entries(example)) {
      const own: Record<string, string> = {
        TESSERA_WORKERS: '1',
        SECRETS_DIR: './secrets',
        GRAFANA_PORT: '3000',
        AWS_ENDPOINT_URL_S3: 'http://seaweedfs:8333',
        AWS_REGION: 'us-east-1',
      };
      if (value !== '') expect(value, name).toBe(own[name] ?? defaultOf(name));
    }
  });
});

describe('infra/docker/Dockerfile', () => {
  it.each(['api', 'worker', 'worker-cuda', 'aggregator', 'migrate'])(
    'runs a compiled file of the repository in %s',
    (target) => {
      const command = JSON.parse(
        lastInstruction(inheritedInstructions(stages, target), 'CMD') ?? '[]',
      ) as string[];
      expect(command).toHaveLength(2);
      const source = command[1]?.replace('/dist/', '/src/').replace(/\.js$/, '.ts') ?? '';
      expect(source).toMatch(/^services\/(api|worker|aggregator)\/src\//);
      expect(existsSync(`${repository}${source}`)).toBe(true);
      const copied = inheritedInstructions(stages, target).filter(({ name }) => name === 'COPY');
      const [from, folder] =
        target === 'worker-cuda' ? ['build-cuda', target] : ['build', source.split('/')[1]];
      expect(copied.at(-1)?.text).toBe(`--from=${from} /out/${folder} ./`);
      for (const { text } of copied) expect([...stages.keys()]).toContain(/^--from=(\S+)/.exec(text)?.[1]);
    },
  );

  it.each(['api', 'worker', 'worker-cuda', 'aggregator', 'migrate'])(
    'runs %s as nobody special, stopped by SIGTERM',
    (target) => {
      const instructions = inheritedInstructions(stages, target);
      expect(lastInstruction(instructions, 'USER')).toBe('1000:1000');
      expect(lastInstruction(instructions, 'STOPSIGNAL')).toBe('SIGTERM');
      expect(
        instructions
          .filter(({ name }) => name === 'LABEL')
          .map(({ text }) => text)
          .join(' '),
      ).toContain('org.opencontainers.image.licenses="Apache-2.0"');
    },
  );

  it('gives what computes a thread for every call, and BLAS one thread a call', () => {
    for (const target of ['worker', 'worker-cuda', 'aggregator']) {
      const environment = imageEnvironment(inheritedInstructions(stages, target));
      expect(environment).toMatchObject({ OPENBLAS_NUM_THREADS: '1' });
      expect(Number(environment.UV_THREADPOOL_SIZE)).toBeGreaterThanOrEqual(64);
    }
  });

  it('begins every stage with another one, or with a pinned Debian 12 and the Node of package.json', async () => {
    const images = [...stages.values()].map(({ from }) => from).filter((from) => !stages.has(from));
    expect(images).toHaveLength(1);
    expect(images[0]).toMatch(/^node:20\.\d+\.\d+-bookworm-slim$/);
    const minor = Number(/^node:20\.(\d+)/.exec(images[0] ?? '')?.[1]);
    const { engines } = JSON.parse(await readText('package.json')) as { engines: { node: string } };
    expect(engines.node).toBe('>=20.19');
    expect(minor).toBeGreaterThanOrEqual(19);
  });

  it('gives GPU workers TensorFlow as the engine pins it, and what finds the cards', async () => {
    const installs =
      stages
        .get('build-cuda')
        ?.instructions.map(({ text }) => text)
        .join() ?? '';
    const [, manifest = '', name = ''] =
      /require\('(.+?)'\)\.peerDependencies\['(.+?)'\]/.exec(installs) ?? [];
    const { peerDependencies } = JSON.parse(await readText(manifest.slice(2)));
    expect(peerDependencies[name]).toMatch(/^\d+\.\d+\.\d+$/);
    expect(installs).toContain(`assemble.mjs services/worker /out/worker-cuda ${name}`);
    const environment = imageEnvironment(inheritedInstructions(stages, 'worker-cuda'));
    expect(environment.NVIDIA_DRIVER_CAPABILITIES?.split(',')).toContain('compute');
  });

  it('runs and copies files that the build context holds', async () => {
    const build = stages.get('build')?.instructions ?? [];
    const scripts = build.flatMap(({ text }) =>
      [...text.matchAll(/node ((?:packages|infra)\S+\.mjs)/g)].map((match) => match[1]),
    );
    expect(scripts).toEqual([
      'packages/engine-native/build.mjs',
      'packages/analysis/build.mjs',
      'infra/docker/assemble.mjs',
    ]);
    const ignored = (await readText('.dockerignore')).split('\n');
    for (const script of scripts) expect(existsSync(`${repository}${script}`)).toBe(true);
    for (const needed of ['packages', 'services', 'prisma', 'infra', 'scripts'])
      expect(ignored).not.toContain(needed);
    for (const secret of ['.git', '.env', 'data', '**/node_modules']) expect(ignored).toContain(secret);
  });
});
