/** What validation needs to know about a data set, and the checks of a spec against it. */
import { type Static, Type } from 'typebox';
import { type Problem, TesseraError } from './errors.js';
import type { ExperimentSpec } from './experiment-spec.js';

const count = Type.Integer({ minimum: 0 });
export const splitSchema = Type.Enum(['train', 'test']);
export type Split = Static<typeof splitSchema>;

/** An image of height x width x channels, or a vector of inputs. */
export const imageShapeSchema = Type.Union([
  Type.Object({ height: count, width: count, channels: count }),
  Type.Object({ inputs: count }),
]);
export type ImageShape = Static<typeof imageShapeSchema>;

export const segmentSchema = Type.Object({ split: splitSchema, start: count, count });
export const datasetFactsSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  source: Type.Enum(['cifar10', 'npz', 'synthetic']),
  shape: imageShapeSchema,
  classes: count,
  classNames: Type.Union([Type.Array(Type.String()), Type.Null()]),
  trainCount: Type.Integer({ minimum: 0, description: 'The last training image that exists, plus one.' }),
  testCount: Type.Integer({ minimum: 0, description: 'The last test image that exists, plus one.' }),
  segments: Type.Array(segmentSchema, {
    description: 'The index ranges that exist; missing files leave gaps.',
  }),
});
export type DatasetFacts = Static<typeof datasetFactsSchema>;

/** The number of values of one image. */
export function inputCount(shape: ImageShape): number {
  return 'inputs' in shape ? shape.inputs : shape.height * shape.width * shape.channels;
}

/**
 * Checks the parts of a filled spec that depend on the shape and size of its data set. Which images a
 * selection may name within gaps and classes is the dataset package's to check.
 *
 * @throws TesseraError `invalid-spec` with every problem
 */
export function checkSpecAgainst(spec: ExperimentSpec, facts: DatasetFacts): void {
  const problems = [
    ...architectureProblems(spec, facts),
    ...selectionProblems(spec, facts, 'train'),
    ...selectionProblems(spec, facts, 'test'),
  ];
  if (problems.length === 0) return;
  throw new TesseraError('invalid-spec', `The spec does not fit the data set ${facts.name}.`, { problems });
}

function architectureProblems({ architecture }: ExperimentSpec, facts: DatasetFacts): Problem[] {
  if (architecture.family === 'fcn') return [];
  if ('inputs' in facts.shape) {
    const message =
      `architecture.family is ${architecture.family}, but the data set ${facts.name} holds vectors of ` +
      `${facts.shape.inputs} inputs; write fcn, or use a data set of images.`;
    return [{ pointer: '/architecture/family', message }];
  }
  const { height, width } = facts.shape;
  if (architecture.filterSize <= Math.min(height, width)) return [];
  const message =
    `architecture.filterSize is ${architecture.filterSize}, larger than the ${height} x ${width} images of ` +
    `${facts.name}; write an odd number up to ${Math.min(height, width)}.`;
  return [{ pointer: '/architecture/filterSize', message }];
}

function selectionProblems(spec: ExperimentSpec, facts: DatasetFacts, split: Split): Problem[] {
  const selection = spec.dataset[split];
  const available = split === 'train' ? facts.trainCount : facts.testCount;
  const problem = (suffix: string, field: string, asks: string): Problem => ({
    pointer: `/dataset/${split}${suffix}`,
    message: `dataset.${split}${field} ${asks}, but ${facts.name} has ${available} ${split === 'train' ? 'training' : 'test'} images.`,
  });
  if (typeof selection === 'number') {
    return selection > available ? [problem('', '', `asks for ${selection} images`)] : [];
  }
  if ('count' in selection) {
    const end = selection.offset + selection.count;
    return end > available ? [problem('', '', `asks for images ${selection.offset}..${end - 1}`)] : [];
  }
  const position = selection.indices.findIndex((i) => i >= available);
  if (position < 0) return [];
  return [problem(`/indices/${position}`, `.indices[${position}]`, `is ${selection.indices[position]}`)];
}
