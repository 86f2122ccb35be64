/**
 * OpenTelemetry traces: one experiment from its POST through dispatch and tiles to its analyses. Nothing of OpenTelemetry
 * is loaded unless `startTracing` is called, and every function here costs a comparison until then.
 */
import type { Attributes, Context, Tracer } from '@opentelemetry/api';

interface Active {
  api: typeof import('@opentelemetry/api');
  tracer: Tracer;
}
let active: Active | null = null;

/** Tracing that was started: what libraries are given to take part, and how to end it. */
export interface Tracing {
  /** For BullMQ: carries the context with every job. */
  queueTelemetry: object;
  /** For Fastify: a span a request. */
  fastifyPlugin: unknown;
  /** Sends what is left. */
  stop(): Promise<void>;
}

/** Probes and scrapes make no traces. */
const quietPaths = new Set(['/healthz', '/readyz', '/metrics']);

/** Starts the SDK, which reads the rest of the standard OTEL_* variables itself (endpoint, headers, sampler, service name). */
export async function startTracing(service: string, version: string): Promise<Tracing> {
  const api = await import('@opentelemetry/api');
  const { BatchSpanProcessor, NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const { defaultResource, detectResources, envDetector, resourceFromAttributes } = await import(
    '@opentelemetry/resources'
  );
  const { BullMQOtel } = await import('bullmq-otel');
  const { FastifyOtelInstrumentation } = await import('@fastify/otel');
  const { PrismaInstrumentation } = await import('@prisma/instrumentation');
  const own = resourceFromAttributes({ 'service.name': `tessera-${service}`, 'service.version': version });
  const provider = new NodeTracerProvider({
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before ours.
    resource: defaultResource()
      .merge(own)
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  provider.register();
  new PrismaInstrumentation().enable();
  const fastify = new FastifyOtelInstrumentation({
    registerOnInitialization: false,
    ignorePaths: ({ url }) => quietPaths.has(url.split('?', 1)[0] as string),
  });
  active = { api, tracer: api.trace.getTracer('tessera', version) };
  return {
    queueTelemetry: new BullMQOtel({ tracerName: 'tessera', version }),
    fastifyPlugin: fastify.plugin(),
    async stop() {
      active = null;
      await provider.shutdown();
    },
  };
}

/**
 * Does `work` in a span, and notes its failure there.
 * @param parent a `traceparent` to continue; left out: the current span; null: there is none, and no span is made
 */
export async function traced<T>(
  name: string,
  attributes: Attributes,
  work: () => Promise<T>,
  parent?: string | null,
): Promise<T> {
  if (active === null || parent === null) return work();
  const { api, tracer } = active;
  const context: Context =
    parent === undefined
      ? api.context.active()
      : api.propagation.extract(api.ROOT_CONTEXT, { traceparent: parent });
  return tracer.startActiveSpan(name, { attributes }, context, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.recordException(error as Error);
      span.setStatus({ code: api.SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The current context as a W3C `traceparent`; null where nothing is traced. */
export function currentTraceParent(): string | null {
  if (active === null) return null;
  const carrier: { traceparent?: string } = {};
  active.api.propagation.inject(active.api.context.active(), carrier);
  return carrier.traceparent ?? null;
}

/** What a log line carries: the ids of the current trace and span. */
export function traceFields(): { trace_id?: string; span_id?: string } {
  const span = active?.api.trace.getActiveSpan()?.spanContext();
  return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
}
