/** A request of any operation of the document, with a valid, a changed or a senseless body and parameters. */
import { readFileSync } from 'node:fs';
import { writeNpy } from '@tessera/store';
import { zipSync } from 'fflate';
import { mutated, mutatedBytes, strangeText } from './mutate.mjs';

const example = (name) =>
  JSON.parse(readFileSync(new URL(`../../examples/${name}.json`, import.meta.url), 'utf8'));

/** Small enough that the accepted ones are done while others come. */
const spec = {
  name: 'fuzz',
  dataset: { id: 'synthetic', train: 6, test: 2 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: { weightVariance: [1], biasVariance: [0.1], depth: [1] },
  analysis: { regression: { diagReg: [0] } },
  keep: { kernels: 'none', predictions: false },
};
/** The same with everything kept, on images that were uploaded. */
const keeping = {
  ...spec,
  dataset: { id: 'mine', train: 6, test: 2 },
  grid: { weightVariance: [1, 1.5], biasVariance: [0.1], depth: [1, 3] },
  analysis: { regression: { diagReg: [0] }, dynamics: { times: [1] } },
  keep: { kernels: 'all', predictions: true },
};
/** The same with networks, every field of theirs written. */
const training = {
  ...spec,
  analysis: { spectrum: 'full', dynamics: { times: [1] } },
  training: {
    width: 4,
    steps: 3,
    batch: 4,
    seeds: 1,
    images: 6,
    testImages: 2,
    depths: [1],
    learningRate: { ofMax: 0.5 },
  },
};
const bodies = {
  'POST /v1/experiments': [
    spec,
    { ...spec, keep: { kernels: 'train', predictions: false } },
    keeping,
    training,
  ],
  'POST /v1/plans': [
    spec,
    training,
    example('spectrum-fcn'),
    example('spectrum-cnn-gap'),
    example('heatmap-fcn'),
    example('training-fcn'),
  ],
  'POST /v1/theory': [
    { activation: { name: 'relu' }, weightVariance: { from: 1, to: 2, count: 3 }, biasVariance: [0, 0.1] },
  ],
  'POST /v1/keys': [{ role: 'viewer', project: 'fuzz', name: 'n', expiresInSeconds: 60 }],
  'PUT /v1/projects/{project}': [{ runningTiles: null, storedBytes: null, experiments: null }],
  'POST /v1/session': [{ key: 'tessera_none_none' }],
  'POST /v1/gc': [{ olderThanSeconds: 86_400 * 3650, dryRun: true }],
};

/** Networks of millions of steps are valid, and would not end with the run: so many are asked for in plans alone. */
const mostSteps = 1000;
function bounded(path, body) {
  if (path !== '/v1/plans' && body?.training?.steps > mostSteps) body.training.steps = mostSteps;
  return body;
}

/** Two data sets of 12 and 6 images of 4 inputs, as numpy writes them. */
const uploads = [1, 2].map((scale) => {
  const images = (count) => Float64Array.from({ length: 4 * count }, (_, i) => scale * Math.sin(1 + 1.7 * i));
  const labels = (count) => Int32Array.from({ length: count }, (_, i) => i % 3);
  const file = (type, shape, values) => writeNpy(type, shape, new Uint8Array(values.buffer));
  return Buffer.from(
    zipSync({
      'x_train.npy': file('<f8', [12, 4], images(12)),
      'y_train.npy': file('<i4', [12], labels(12)),
      'x_test.npy': file('<f8', [6, 4], images(6)),
      'y_test.npy': file('<i4', [6], labels(6)),
    }),
  );
});

/** Operations that wait, or that would end what the run itself needs. */
const leftOut = new Set(['GET /v1/experiments/{id}/events', 'DELETE /v1/keys/{id}', 'DELETE /v1/session']);

/**
 * @param {object} document the OpenAPI document
 * @param {() => number} random
 * @param {string[]} ids experiments that are there
 * @param {Buffer[]} archives of experiments that were there
 */
export function requestMaker(document, random, ids, archives) {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .map(([method, operation]) => ({ path, method: method.toUpperCase(), operation }))
      .filter(({ path, method }) => !leftOut.has(`${method} ${path}`)),
  );
  const pick = (list) => list[Math.floor(random() * list.length)];

  return () => {
    let { path, method, operation } = pick(operations);
    // It may delete every experiment that has ended: now and then.
    if (path === '/v1/gc' && random() < 0.95) ({ path, method, operation } = pick(operations));
    const url = path.replace(/\{(\w+)\}/g, (_, name) => {
      if (random() < 0.25) return strangeText(random) || 'x';
      if (name === 'id' && ids.length > 0) return pick(ids);
      if (path.includes('/datasets/')) return pick(['synthetic', 'mine', 'cifar10']);
      return pick(['kappa', 'ntk_train_train', 'default', 'fuzz', 'trainability']);
    });
    const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
    const query = parameters
      .filter(() => random() < 0.3)
      .map(
        ({ name }) =>
          `${name}=${random() < 0.5 ? strangeText(random) : pick(['1', '0', 'ntk', 'running', '0:2', '1.5'])}`,
      );
    if (random() < 0.05) query.push(`${strangeText(random)}=${strangeText(random)}`);
    const headers = {};
    let body;
    const type = Object.keys(operation.requestBody?.content ?? {})[0];
    if (type !== undefined) {
      headers['content-type'] = random() < 0.03 ? pick(['text/plain', 'application/xml', '']) : type;
      const valid = bodies[`${method} ${path}`];
      const files = { '/v1/datasets/{name}': uploads, '/v1/restore': archives }[path] ?? [];
      const kind = random();
      if (kind < 0.03 || (!valid && files.length === 0))
        body = Buffer.from(
          Array.from({ length: Math.floor(200 * random()) }, () => Math.floor(256 * random())),
        );
      else if (files.length > 0) body = kind < 0.4 ? pick(files) : mutatedBytes(pick(files), random);
      else if (kind < 0.06) body = JSON.stringify(pick(valid)).slice(0, Math.floor(100 * random()));
      else body = JSON.stringify(kind < 0.3 ? pick(valid) : bounded(path, mutated(pick(valid), random)));
    }
    if (random() < 0.05) headers['idempotency-key'] = pick(['a', ' ', 'k'.repeat(300), 'key']);
    if (random() < 0.05) headers['if-none-match'] = pick(['*', '"x"', 'W/"1"']);
    // A client that dies: half of the body comes, and then the connection ends.
    const isCutOff = body !== undefined && random() < 0.03;
    return {
      path,
      method,
      url: query.length > 0 ? `${url}?${query.join('&')}` : url,
      headers,
      body,
      isCutOff,
    };
  };
}
