/**
 * docker-compose.yml, infra/docker/Dockerfile and .env.example against the code they name, without a Docker engine.
 * compose-spec.schema.json is the schema of the Compose Specification (Apache-2.0, compose-spec/compose-spec), as
 * check-jsonschema 0.39.0 of PyPI carries it, formatted.
 */
import { existsSync } from 'node:fs';
import { loadSettings, variables } from '@tessera/config';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
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
const compose = await readCompose({ ...example, POSTGRES_PASSWORD: 'secret' });
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.build !== undefined);
const bundled = services.filter(([, service]) => service.build === undefined);
const serviceVariables: string[] = variables.filter((v) => v.readers === 'services').map((v) => v.name);

/** What a container's process finds in its environment. */
function environmentOf(service: ComposeService): Record<string, string> {
  return {
    ...imageEnvironment(inheritedInstructions(stages, service.build?.target ?? '')),
    ...service.environment,
  };
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

  it('refuses to start without a password, and says where to set it', async () => {
    await expect(readCompose(example)).rejects.toThrow('POSTGRES_PASSWORD: set it in .env');
    expect(example.POSTGRES_PASSWORD).toBe('');
  });

  it('names only variables that the services read, with the defaults of the code', () => {
    for (const [, name = '', operator, operand] of composeText.matchAll(reference)) {
      if (name === 'POSTGRES_PASSWORD') continue;
      expect(serviceVariables).toContain(name);
      // cpus has another word for "all" than TESSERA_THREADS; the folder's default is a volume; absent workers are one.
      const isOwnDefault = [
        'TESSERA_THREADS',
        'TESSERA_FIRST_KEY_FILE',
        'TESSERA_CIFAR10_DIR',
        'TESSERA_WORKERS',
      ].includes(name);
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
    const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } =
      compose.services[database.hostname]?.environment ?? {};
    expect([database.username, database.password, database.pathname]).toEqual([
      POSTGRES_USER,
      POSTGRES_PASSWORD,
      `/${POSTGRES_DB}`,
    ]);
    if (settings.redisUrl !== null)
      expect(compose.services).toHaveProperty(new URL(settings.redisUrl).hostname);
    expect(settings.cifar10Dir).toBeNull();
  });

  it.each(ours)('builds %s from a target that the Dockerfile has', (_, service) => {
    expect(service.build).toMatchObject({ context: '.', dockerfile: 'infra/docker/Dockerfile' });
    expect([...stages.keys()]).toContain(service.build?.target);
  });

  it.each(bundled)('pins the image of %s to a version', (_, service) => {
    expect(service.image).toMatch(/^[a-z]+:\d+\.\d+(\.\d+)?-bookworm$/);
  });

  it('publishes the API alone, on this machine alone, on the port it listens on', () => {
    const published = services.filter(([, service]) => service.ports !== undefined).map(([name]) => name);
    expect(published).toEqual(['api']);
    const api = compose.services.api as ComposeService;
    const inside = environmentOf(api).TESSERA_PORT;
    expect(inside).toBe(defaultOf('TESSERA_PORT'));
    expect(environmentOf(api).TESSERA_HOST).toBe('0.0.0.0');
    expect(api.ports).toEqual([`${defaultOf('TESSERA_HOST')}:${defaultOf('TESSERA_PORT')}:${inside}`]);
    expect(lastInstruction(inheritedInstructions(stages, 'api'), 'EXPOSE')).toBe(inside);
    expect(compose.networks.backend).toEqual({ internal: true });
    for (const [name, { networks }] of services) {
      expect(networks).toEqual(name === 'api' ? ['backend', 'frontend'] : ['backend']);
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
      expect(service.restart, name).toBe(name === 'migrate' ? 'no' : 'unless-stopped');
      if (name === 'postgres' || name === 'redis') expect(service.healthcheck?.test[0]).toBe('CMD');
    }
  });

  it.each(ours)('stops %s later than its tasks may take to be given back', (_, service) => {
    const { graceMs, drainMs } = loadSettings(environmentOf(service)).settings;
    // services/*: draining and giving back are followed by up to 10 s of closing.
    expect(milliseconds(service.stop_grace_period ?? '')).toBeGreaterThan(drainMs + graceMs + 10_000);
  });

  it('shares one volume where the API, the workers and the aggregator keep data', () => {
    for (const name of ['api', 'worker', 'aggregator']) {
      const service = compose.services[name] as ComposeService;
      expect(service.volumes).toContain(`data:${environmentOf(service).TESSERA_DATA_DIR}`);
    }
    const used = services
      .flatMap(([, service]) => service.volumes ?? [])
      .map((volume) => volume.split(':')[0]);
    expect(Object.keys(compose.volumes).sort()).toEqual([...new Set(used)].sort());
  });

  it('mounts the CIFAR-10 folder read-only where one is given', async () => {
    const given = await readCompose({ POSTGRES_PASSWORD: 'secret', TESSERA_CIFAR10_DIR: '/images' });
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

  it('lets our services write nowhere but to their volume', () => {
    for (const [name, service] of ours) expect([name, service.read_only]).toEqual([name, true]);
  });
});

describe('.env.example', () => {
  it('lists every variable of docker-compose.yml and no other', () => {
    const named = [...composeText.matchAll(reference)].map((match) => match[1]);
    expect(Object.keys(example).sort()).toEqual([...new Set(named)].sort());
  });

  it('says what the code would take by itself', () => {
    for (const [name, value] of Object.entries(example)) {
      if (value !== '') expect(value, name).toBe(name === 'TESSERA_WORKERS' ? '1' : defaultOf(name));
    }
  });
});

describe('infra/docker/Dockerfile', () => {
  it.each(['api', 'worker', 'aggregator', 'migrate'])(
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
      expect(copied.map(({ text }) => text)).toEqual([`--from=build /out/${source.split('/')[1]} ./`]);
    },
  );

  it.each(['api', 'worker', 'aggregator', 'migrate'])(
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
    for (const target of ['worker', 'aggregator']) {
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
