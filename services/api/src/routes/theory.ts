import { setImmediate } from 'node:timers/promises';
import { expandAxis, parseTheoryRequest, type TheoryRequest, type TheoryRow } from '@tessera/spec';
import { meanField } from '@tessera/theory';
import type { FastifyInstance } from 'fastify';
import { requireBody } from '../json-body.js';
import { json, problems, ref } from '../openapi.js';
import { readQuery } from '../query.js';

/** A long request gives the event loop to others this often. */
const turnMs = 20;

/** `POST /v1/theory`: mean-field numbers over a grid, weightVariance first. */
export async function theoryRoutes(app: FastifyInstance): Promise<void> {
  app.post('/v1/theory', {
    config: { role: 'viewer' },
    schema: {
      tags: ['theory'],
      summary: 'Fixed points, phases and depth scales',
      body: ref('TheoryRequest'),
      response: {
        200: json('A row for each pair of variances.', {
          type: 'object',
          required: ['items'],
          properties: { items: { type: 'array', items: ref('TheoryRow') } },
        }),
        ...problems('invalid-request', 'invalid-json', 'body-too-large', 'unsupported-media-type'),
      },
    },
    async handler(request) {
      readQuery(request.query, {});
      return { items: await theoryRows(parseTheoryRequest(requireBody(request.body))) };
    },
  });
}

async function theoryRows({ activation, weightVariance, biasVariance }: TheoryRequest): Promise<TheoryRow[]> {
  const items: TheoryRow[] = [];
  let turnEndsAt = performance.now() + turnMs;
  for (const weight of values(weightVariance)) {
    for (const bias of values(biasVariance)) {
      const { phase, qStar, cStar, chi1, chiC, xi1, xiStar, xiC, warnings } = meanField(
        activation,
        weight,
        bias,
      );
      items.push({
        weightVariance: weight,
        biasVariance: bias,
        phase,
        qStar,
        cStar,
        chi1,
        chiC,
        xi1,
        xiStar,
        xiC,
        warnings,
      });
      if (performance.now() < turnEndsAt) continue;
      await setImmediate();
      turnEndsAt = performance.now() + turnMs;
    }
  }
  return items;
}

const values = (axis: TheoryRequest['weightVariance']) =>
  typeof axis === 'number' ? [axis] : expandAxis(axis);
