/** OpenAPI 3.1 from the same schemas the types come from, and its page. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import {
  analysisRowSchema,
  arrayInfoSchema,
  collectReportSchema,
  collectRequestSchema,
  datasetInfoSchema,
  type ErrorCode,
  errorRegistry,
  experimentSchema,
  experimentSpecInputSchema,
  planSummarySchema,
  problemDetailsSchema,
  progressSchema,
  stateEventSchema,
  theoryRequestSchema,
  theoryRowSchema,
} from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import { problemMediaType } from './problem.js';

/** Schemas that OpenAPI lists by name. */
const namedSchemas = {
  Experiment: experimentSchema,
  ExperimentSpec: experimentSpecInputSchema,
  Progress: progressSchema,
  StateEvent: stateEventSchema,
  PlanSummary: planSummarySchema,
  AnalysisRow: analysisRowSchema,
  ArrayInfo: arrayInfoSchema,
  Dataset: datasetInfoSchema,
  TheoryRequest: theoryRequestSchema,
  TheoryRow: theoryRowSchema,
  CollectRequest: collectRequestSchema,
  CollectReport: collectReportSchema,
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
 * What the page at /docs may load: its own files, nothing of other hosts. The package's own policy has browsers
 * ask for these files by https, which a server within a network does not speak.
 */
const pagePolicy =
  "default-src 'self'; base-uri 'self'; font-src 'self' data:; frame-ancestors 'self'; img-src 'self' data:; " +
  "object-src 'none'; script-src 'self'; script-src-attr 'none'; style-src 'self'";

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
      tags: [
        {
          name: 'experiments',
          description: 'One experiment: a grid of kernels, their matrices and analyses.',
        },
        { name: 'results', description: 'Rows and arrays, each visible once it is complete.' },
        { name: 'datasets', description: 'Images and labels.' },
        { name: 'theory', description: 'Mean-field theory, computed at once.' },
        { name: 'service', description: 'Health and metrics.' },
      ],
    },
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) => String(schema.$id ?? `schema${index}`),
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: pagePolicy,
    validatorUrl: false,
    uiConfig: { docExpansion: 'list', deepLinking: true },
  });
}
