/** OpenAPI 3.1 from the same schemas the types come from, and its page. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import {
  analysisRowSchema,
  arrayInfoSchema,
  clusterSchema,
  collectReportSchema,
  collectRequestSchema,
  createdKeySchema,
  datasetInfoSchema,
  type ErrorCode,
  errorRegistry,
  experimentHistorySchema,
  experimentSchema,
  experimentSpecInputSchema,
  keyInfoSchema,
  keyRequestInputSchema,
  planSummarySchema,
  problemDetailsSchema,
  progressSchema,
  projectInfoSchema,
  projectLimitsSchema,
  sessionRequestSchema,
  sessionSchema,
  stateEventSchema,
  theoryRequestSchema,
  theoryRowSchema,
  tileDetailSchema,
  trainingRowSchema,
} from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import { sessionCookie } from './access/authenticate.js';
import { problemMediaType } from './problem.js';

/** Schemas that OpenAPI lists by name. */
const namedSchemas = {
  Experiment: experimentSchema,
  ExperimentSpec: experimentSpecInputSchema,
  Progress: progressSchema,
  StateEvent: stateEventSchema,
  PlanSummary: planSummarySchema,
  AnalysisRow: analysisRowSchema,
  TrainingRow: trainingRowSchema,
  ArrayInfo: arrayInfoSchema,
  Dataset: datasetInfoSchema,
  TheoryRequest: theoryRequestSchema,
  TheoryRow: theoryRowSchema,
  CollectRequest: collectRequestSchema,
  CollectReport: collectReportSchema,
  Session: sessionSchema,
  SessionRequest: sessionRequestSchema,
  Key: keyInfoSchema,
  KeyRequest: keyRequestInputSchema,
  CreatedKey: createdKeySchema,
  Project: projectInfoSchema,
  ProjectLimits: projectLimitsSchema,
  ExperimentHistory: experimentHistorySchema,
  TileDetail: tileDetailSchema,
  Cluster: clusterSchema,
  Problem: problemDetailsSchema,
} as const;
export type SchemaName = keyof typeof namedSchemas;

/** A reference to a named schema. */
export const ref = (name: SchemaName) => ({ $ref: `${name}#` });

/** A response with a JSON body of a named schema. */
export const json = (description: string, schema: object) => ({
  description,
  content: { 'application/json': { schema } },
});

/** A response without a body. */
export const empty = (description: string) => ({ description, type: 'null' });

/** A page of a list of a named schema. */
export const pageResponse = (description: string, item: SchemaName) =>
  json(description, {
    type: 'object',
    required: ['items', 'nextCursor'],
    properties: { items: { type: 'array', items: ref(item) }, nextCursor: { type: ['string', 'null'] } },
  });

/** The problem responses of a route: one per status, naming the codes. */
export function problems(...codes: ErrorCode[]): Record<number, object> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = errorRegistry[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, together]) => [
      status,
      { description: together.join(', '), content: { [problemMediaType]: { schema: ref('Problem') } } },
    ]),
  );
}

/** The schema of a path's parameters. */
export const pathParameters = (parameters: Record<string, string>) => ({
  type: 'object',
  required: Object.keys(parameters),
  properties: Object.fromEntries(
    Object.entries(parameters).map(([name, description]) => [name, { type: 'string', description }]),
  ),
});

/**
 * Serves `/openapi.json` and `/docs`. Call before any route is added.
 *
 * Schemas here describe and do not validate: bodies and queries are read by our own readers, which report every
 * problem with its pointer, so both compilers are turned off.
 */
export async function installOpenApi(app: FastifyInstance, version: string): Promise<void> {
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (payload) => JSON.stringify(payload));
  for (const [name, schema] of Object.entries(namedSchemas)) {
    // Through JSON: the schema alone, without what typebox notes beside it.
    app.addSchema({ ...(JSON.parse(JSON.stringify(schema)) as object), $id: name });
  }
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tessera',
        version,
        description: 'NNGP and NTK matrices of wide networks, their spectra, and what they predict.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'A key, where the server asks for one.' },
          session: { type: 'apiKey', in: 'cookie', name: sessionCookie, description: 'A session of a key.' },
        },
      },
      tags: [
        {
          name: 'experiments',
          description: 'One experiment: a grid of kernels, their matrices and analyses.',
        },
        { name: 'results', description: 'Rows and arrays, each visible once it is complete.' },
        { name: 'datasets', description: 'Images and labels.' },
        { name: 'theory', description: 'Mean-field theory, computed at once.' },
        { name: 'access', description: 'Keys, browser sessions, projects and their limits.' },
        { name: 'service', description: 'Health and metrics.' },
      ],
    },
    transform: describeAccess,
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) => String(schema.$id ?? `schema${index}`),
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    validatorUrl: false,
    uiConfig: { docExpansion: 'list', deepLinking: true },
  });
}

/** Adds to each route below /v1 what every one of them has: the schemes, and the answers of the edge. */
function describeAccess<S extends object>({
  schema,
  url,
  route,
}: {
  schema: S;
  url: string;
  route: { config?: { role?: string } };
}): { schema: S; url: string } {
  const isOpen = route.config?.role === 'public';
  const { response } = schema as { response?: object };
  if (!(url.startsWith('/v1/') || route.config?.role) || response === undefined) return { schema, url };
  const edge = problems(
    // An unknown query parameter.
    'invalid-request',
    ...(isOpen ? [] : (['unauthorized', 'quota-exceeded'] as const)),
    ...(['forbidden', 'rate-limited', 'unavailable'] as const),
  );
  const security = isOpen ? {} : { security: [{ key: [] }, { session: [] }] };
  return { schema: { ...schema, ...security, response: { ...edge, ...response } }, url };
}
