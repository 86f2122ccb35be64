/** Every environment variable of Tessera, in the order of docs/configuration.md; a test keeps the two equal. */

export interface Variable {
  name: `TESSERA_${string}`;
  /** As the documentation writes it; null where there is none. */
  default: string | null;
  /** Who reads it. */
  readers: 'services' | 'clients' | 'tests';
}

export const variables = [
  { name: 'TESSERA_DATABASE_URL', default: null, readers: 'services' },
  { name: 'TESSERA_DATABASE_PASSWORD_FILE', default: null, readers: 'services' },
  { name: 'TESSERA_REDIS_URL', default: null, readers: 'services' },
  { name: 'TESSERA_REDIS_CA_FILE', default: null, readers: 'services' },
  { name: 'TESSERA_DATA_DIR', default: './data', readers: 'services' },
  { name: 'TESSERA_STORE', default: null, readers: 'services' },
  { name: 'TESSERA_S3_PATH_STYLE', default: null, readers: 'services' },
  { name: 'TESSERA_HOST', default: '127.0.0.1', readers: 'services' },
  { name: 'TESSERA_PORT', default: '7878', readers: 'services' },
  { name: 'TESSERA_AUTH', default: 'auto', readers: 'services' },
  { name: 'TESSERA_FIRST_KEY_FILE', default: null, readers: 'services' },
  { name: 'TESSERA_TRUST_PROXY', default: null, readers: 'services' },
  { name: 'TESSERA_CORS_ORIGINS', default: null, readers: 'services' },
  { name: 'TESSERA_RATE_LIMIT', default: '6000', readers: 'services' },
  { name: 'TESSERA_EVENT_STREAMS', default: '1024', readers: 'services' },
  { name: 'TESSERA_PROJECT_RUNNING_TILES', default: null, readers: 'services' },
  { name: 'TESSERA_PROJECT_STORED_BYTES', default: null, readers: 'services' },
  { name: 'TESSERA_PROJECT_EXPERIMENTS', default: null, readers: 'services' },
  { name: 'TESSERA_WORKERS', default: null, readers: 'services' },
  { name: 'TESSERA_ENGINE', default: 'auto', readers: 'services' },
  { name: 'TESSERA_DEVICE', default: null, readers: 'services' },
  { name: 'TESSERA_THREADS', default: null, readers: 'services' },
  { name: 'TESSERA_AGGREGATOR_MEMORY', default: null, readers: 'services' },
  { name: 'TESSERA_CIFAR10_DIR', default: null, readers: 'services' },
  { name: 'TESSERA_LOG_LEVEL', default: 'info', readers: 'services' },
  { name: 'TESSERA_LEASE_MS', default: '30000', readers: 'services' },
  { name: 'TESSERA_GRACE_MS', default: '5000', readers: 'services' },
  { name: 'TESSERA_DRAIN_MS', default: '3000', readers: 'services' },
  { name: 'TESSERA_MAX_UPLOAD_BYTES', default: '4294967296', readers: 'services' },
  { name: 'TESSERA_METRICS_PORT', default: null, readers: 'services' },
  { name: 'TESSERA_MIN_FREE_BYTES', default: '67108864', readers: 'services' },
  { name: 'TESSERA_RETENTION_DAYS', default: null, readers: 'services' },
  { name: 'TESSERA_URL', default: 'http://127.0.0.1:7878', readers: 'clients' },
  { name: 'TESSERA_KEY', default: null, readers: 'clients' },
  { name: 'TESSERA_GOLDENS_DIR', default: null, readers: 'tests' },
  { name: 'TESSERA_TEST_REDIS_URL', default: null, readers: 'tests' },
  { name: 'TESSERA_TEST_DATABASE_URL', default: null, readers: 'tests' },
  { name: 'TESSERA_TEST_CONTAINERS', default: 'false', readers: 'tests' },
  { name: 'TESSERA_TEST_PYTHON', default: null, readers: 'tests' },
  { name: 'TESSERA_TEST_PROTOCOL', default: null, readers: 'tests' },
  { name: 'TESSERA_TEST_CHROMIUM', default: null, readers: 'tests' },
] as const satisfies readonly Variable[];

export type VariableName = (typeof variables)[number]['name'];
