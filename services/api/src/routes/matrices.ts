import { openDataset } from '@tessera/dataset';
import { type Problem, type Split, TesseraError } from '@tessera/spec';
import {
  type ArrayDescription,
  arrays,
  type ExperimentLayout,
  findArray,
  npyHeader,
  type PositionRange,
  type Selection,
} from '@tessera/store';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { AppContext } from '../app-context.js';
import { requireReady } from '../array-readiness.js';
import { readSelection } from '../array-selection.js';
import { ExperimentLayouts } from '../experiment-layouts.js';
import type { PlannedExperiment } from '../experiment-view.js';
import { type MatrixSide, mostBlockSide, orderByClass, readMatrixBlock } from '../matrix-block.js';
import { json, pathParameters, problems } from '../openapi.js';
import {
  choiceParameter,
  integerParameter,
  invalidQuery,
  type Parameter,
  querySchema,
  quoted,
  readQuery,
  UnreadableParameter,
} from '../query.js';
import { Turns } from '../turns.js';
import { requireExperiment } from './experiments.js';

const rangeParameter = (description: string): Parameter<{ start: number | null; stop: number | null }> => ({
  schema: Type.String({ description }),
  read(text) {
    const range = /^(\d*):(\d*)$/.exec(text);
    if (!range) throw new UnreadableParameter(`is ${quoted(text)}; write a range start:stop.`);
    const end = (found: string | undefined) => (found === '' || found === undefined ? null : Number(found));
    return { start: end(range[1]), stop: end(range[2]) };
  },
});

const blockQuery = {
  rows: rangeParameter('Positions start:stop in the chosen order; default all.'),
  columns: rangeParameter('Positions start:stop in the chosen order; default all.'),
  height: integerParameter(1, mostBlockSide, 'Cells of the answer down; default 512, at most the rows.'),
  width: integerParameter(1, mostBlockSide, 'Cells of the answer across; default 512, at most the columns.'),
  order: choiceParameter(['file', 'class'], 'How images are ordered; default file.'),
  reduce: choiceParameter(['mean', 'nearest'], 'What a cell shows of its entries; default mean.'),
};
const gridNames = ['weightVariance', 'biasVariance', 'depth'].flatMap((name) => [name, `${name}Index`]);
const gridQuery = Object.fromEntries(
  gridNames.map((name) => [
    name,
    { schema: Type.String({ description: 'The grid point.' }), read: (text: string) => text },
  ]),
);
const defaultSide = 512;

/** Kernel matrices as pictures need them: a block at a resolution, and the classes of the images. */
export async function matrixRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  const { store } = context;
  const layouts = new ExperimentLayouts(store);
  // A block may read a gigabyte: one at a time.
  const turns = new Turns(1);

  app.get<{ Params: { id: string; name: string } }>(
    '/v1/experiments/:id/matrices/:name(^[A-Za-z0-9_-]{1,64}).npy',
    {
      schema: {
        tags: ['results'],
        summary: 'A block of a kept kernel matrix at a resolution, as .npy',
        description:
          'Rows and columns are positions in file order or sorted by class. Each cell of the answer is the mean of the entries it stands for, or the middle one. At most 1 GiB is read for an answer.',
        params: pathParameters({ id: 'The experiment.', name: 'A kernel array, such as ntk_train_train.' }),
        querystring: querySchema({ ...gridQuery, ...blockQuery }),
        response: {
          200: {
            description: 'float64 of (height, width), row-major, little endian.',
            content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
          },
          ...problems('invalid-request', 'not-found', 'not-ready', 'not-kept'),
        },
      },
      async handler(request, reply) {
        const record = await requireExperiment(context, request.params.id);
        const layout = await layouts.of(record);
        const array = requireMatrix(layout, request.params.name);
        const given = request.query as Record<string, string>;
        const isGrid = ([name]: [string, string]) => gridNames.includes(name);
        const own = Object.entries(given).filter((entry) => !isGrid(entry));
        const query = readQuery(Object.fromEntries(own), blockQuery);
        const place = readPlace(Object.fromEntries(Object.entries(given).filter(isGrid)), layout, array);
        const [weight_variance, bias_variance, depth] = place;
        await requireReady(context, record, layout, array, { weight_variance, bias_variance, depth });
        const order = query.order ?? 'file';
        const side = async (axis: 3 | 4): Promise<MatrixSide> => {
          const length = array.shape[axis] as number;
          const name = axis === 3 ? 'rows' : 'columns';
          const range = readRange(query[name], length, name);
          const cells = Math.min(
            (axis === 3 ? query.height : query.width) ?? defaultSide,
            range.stop - range.start,
          );
          const split: Split = array.dimensions[axis] === 'test' ? 'test' : 'train';
          return {
            range,
            cells,
            order: order === 'class' ? orderByClass(await classesOf(record, layout, split)) : null,
          };
        };
        const [rows, columns] = [await side(3), await side(4)];
        const gone = new AbortController();
        request.raw.socket.once('close', () => gone.abort());
        const reduce = query.reduce ?? 'mean';
        const block = await turns.run(() =>
          readMatrixBlock(store, layout, { array, place, rows, columns, reduce }, gone.signal),
        );
        const header = npyHeader('<f8', [rows.cells, columns.cells]);
        return reply
          .type('application/octet-stream')
          .send(Buffer.concat([header, Buffer.from(block.buffer, block.byteOffset, block.byteLength)]));
      },
    },
  );

  app.get<{ Params: { id: string } }>('/v1/experiments/:id/labels', {
    schema: {
      tags: ['results'],
      summary: 'The classes of the chosen images, in file order',
      params: pathParameters({ id: 'The experiment.' }),
      response: {
        200: json('Classes by position, and their names where the data set has them.', {
          type: 'object',
          required: ['classNames', 'train', 'test'],
          properties: {
            classNames: { anyOf: [{ type: 'array', items: { type: 'string' } }, { type: 'null' }] },
            train: { type: 'array', items: { type: 'integer' } },
            test: { type: 'array', items: { type: 'integer' } },
          },
        }),
        ...problems('not-found'),
      },
    },
    async handler(request) {
      readQuery(request.query, {});
      const record = await requireExperiment(context, request.params.id);
      const layout = await layouts.of(record);
      return {
        classNames: layout.classNames,
        train: [...(await classesOf(record, layout, 'train'))],
        test: [...(await classesOf(record, layout, 'test'))],
      };
    },
  });

  async function classesOf(
    record: PlannedExperiment,
    layout: ExperimentLayout,
    split: Split,
  ): Promise<Int32Array> {
    const labels = (await openDataset(store, record.datasetSha256)).labels(split);
    return layout[split].map((index) => labels[index] as number);
  }
}

/** @throws TesseraError as `findArray`, and `not-found` for an array that is no matrix */
function requireMatrix(layout: ExperimentLayout, name: string): ArrayDescription {
  const array = findArray(layout, name);
  if (isMatrix(array)) return array;
  const names = arrays(layout)
    .filter(isMatrix)
    .map((found) => found.name);
  const there = names.length > 0 ? `Its matrices are ${names.join(', ')}.` : 'It keeps no matrices.';
  throw new TesseraError('not-found', `${name} is no kernel matrix. ${there}`);
}

const isMatrix = ({ role, shape }: ArrayDescription) => role === 'kernel' && shape.length === 5;

/** The grid point: each axis by coordinate or index; an axis of one value may be left out. */
function readPlace(
  query: Record<string, string>,
  layout: ExperimentLayout,
  array: ArrayDescription,
): [number, number, number] {
  const grid = { ...array, dimensions: array.dimensions.slice(0, 3), shape: array.shape.slice(0, 3) };
  const selection: Selection = readSelection(query, layout, grid);
  const parameters = ['weightVariance', 'biasVariance', 'depth'];
  const missing: Problem[] = [];
  const place = grid.dimensions.map((dimension, axis) => {
    const chosen = selection[dimension];
    if (typeof chosen === 'number') return chosen;
    if (grid.shape[axis] === 1) return 0;
    const name = parameters[axis] as string;
    missing.push({
      pointer: `/${name}`,
      message: `${name} is missing; write one of the grid's values, or ${name}Index.`,
    });
    return 0;
  });
  if (missing.length > 0) throw invalidQuery(missing);
  return place as [number, number, number];
}

function readRange(
  range: { start: number | null; stop: number | null } | null,
  length: number,
  name: string,
): PositionRange {
  const { start, stop } = { start: range?.start ?? 0, stop: range?.stop ?? length };
  if (start < stop && stop <= length) return { start, stop };
  const message = `${name} is ${start}:${stop}; write a range start:stop with 0 <= start < stop <= ${length}.`;
  throw invalidQuery([{ pointer: `/${name}`, message }]);
}
