/** From a request's JSON to a filled spec: all validation that needs no data set. */
import type { Static, TSchema } from 'typebox';
import { type Axis, axisLength, expandAxis } from './axis.js';
import { type Problem, TesseraError } from './errors.js';
import { type ExperimentSpec, experimentSpecSchema, selectedCount, trainingOf } from './experiment-spec.js';
import { axisProblem } from './grid-problems.js';
import type { JsonSchema } from './json-schema.js';
import { jsonKind } from './json-text.js';
import { specLimits } from './limits.js';
import { readValue } from './read-value.js';
import { type TheoryRequest, theoryRequestSchema } from './rest.js';

/**
 * Validates a spec and fills its defaults. A filled spec parses to itself.
 *
 * @param json any value, as `JSON.parse` made it
 * @returns the filled spec; nothing of it is shared with `json`
 * @throws TesseraError `invalid-spec` with every problem found, each with its JSON pointer
 */
export function parseSpec(json: unknown): ExperimentSpec {
  const problems: Problem[] = depthProblems(json);
  const spec = readValue(experimentSpecSchema, json, '', problems) as ExperimentSpec;
  problems.push(...crossFieldProblems(json, spec, problems));
  if (problems.length > 0) throw invalid('invalid-spec', 'The spec', problems);
  return spec;
}

/**
 * Validates a theory request.
 *
 * @throws TesseraError `invalid-request` with every problem found
 */
export function parseTheoryRequest(json: unknown): TheoryRequest {
  const problems: Problem[] = depthProblems(json);
  const request = readValue(theoryRequestSchema, json, '', problems) as TheoryRequest;
  if (jsonKind(json) !== 'object') throw invalid('invalid-request', 'The theory request', problems);
  let points = 1;
  for (const key of ['weightVariance', 'biasVariance'] as const) {
    if (!isSound(problems, `/${key}`)) continue;
    const axis = request[key];
    if (typeof axis === 'number') continue;
    const problem = axisProblem(axis, `/${key}`, false);
    if (problem !== null) problems.push(problem);
    points *= axisLength(axis);
  }
  if (problems.length === 0 && points > specLimits.theoryPoints) {
    const message = `The request has ${points} points; the limit is ${specLimits.theoryPoints}: ask for fewer values.`;
    problems.push({ pointer: '', message });
  }
  if (problems.length > 0) throw invalid('invalid-request', 'The theory request', problems);
  return request;
}

/**
 * Validates any other request by its schema.
 *
 * @param what names the request in the message
 * @throws TesseraError `invalid-request` with every problem found
 */
export function parseRequest<S extends TSchema>(schema: S, json: unknown, what: string): Static<S> {
  const problems: Problem[] = depthProblems(json);
  const request = readValue(schema as JsonSchema, json, '', problems) as Static<S>;
  if (problems.length > 0) throw invalid('invalid-request', what, problems);
  return request;
}

function invalid(code: 'invalid-spec' | 'invalid-request', what: string, problems: Problem[]): TesseraError {
  const number = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new TesseraError(code, `${what} has ${number}.`, { problems });
}

/** True where nothing found is about the field at `pointer`, what is in it, or what it is in. */
function isSound(found: readonly Problem[], pointer: string): boolean {
  return !found.some(
    (problem) =>
      problem.pointer === pointer ||
      problem.pointer.startsWith(`${pointer}/`) ||
      (problem.pointer !== '' && pointer.startsWith(`${problem.pointer}/`)),
  );
}

/** The checks across fields, each made only where the fields it reads have been read without a problem. */
function crossFieldProblems(json: unknown, spec: ExperimentSpec, found: readonly Problem[]): Problem[] {
  if (jsonKind(json) !== 'object') return [];
  const isSoundAt = (pointer: string) => isSound(found, pointer);
  const problems: Problem[] = [];
  for (const key of ['weightVariance', 'biasVariance', 'depth'] as const) {
    const pointer = `/grid/${key}`;
    if (!isSoundAt(pointer)) continue;
    const problem = axisProblem(spec.grid[key] as Axis, pointer, key === 'depth');
    if (problem !== null) problems.push(problem);
  }
  if (isSoundAt('/architecture/filterSize') && spec.architecture.filterSize % 2 === 0) {
    const { filterSize } = spec.architecture;
    const message = `architecture.filterSize is ${filterSize}; write an odd number, such as ${filterSize + 1}.`;
    problems.push({ pointer: '/architecture/filterSize', message });
  }
  if (isSoundAt('/architecture/family') && isSoundAt('/architecture/activation/name')) {
    const { family, activation } = spec.architecture;
    if (activation.name === 'tanh' && family !== 'fcn') {
      const message = `architecture.activation is tanh, which only the family fcn has; write erf, or the family fcn.`;
      problems.push({ pointer: '/architecture/activation', message });
    }
  }
  if (isSoundAt('/analysis/spectrum')) problems.push(...spectrumProblems(spec, isSoundAt));
  problems.push(...trainingProblems(spec, isSoundAt));
  return problems;
}

/** What networks cannot be trained of: more images than are chosen, depths beside the grid, a rate without a spectrum. */
function trainingProblems(spec: ExperimentSpec, isSoundAt: (pointer: string) => boolean): Problem[] {
  const { dataset } = spec;
  const training = isSoundAt('/training') ? trainingOf(spec) : null;
  if (training === null) return [];
  const problems: Problem[] = [];
  const most = (field: 'images' | 'testImages' | 'batch', split: 'train' | 'test', count: number) => {
    const asked = training[field];
    if (typeof asked !== 'number' || asked <= count) return;
    const of = field === 'batch' ? 'it trains on' : `dataset.${split} names`;
    const message = `training.${field} is ${asked}, but ${of} ${count} images; write at most ${count}.`;
    problems.push({ pointer: `/training/${field}`, message });
  };
  if (isSoundAt('/dataset/train')) {
    const chosen = selectedCount(dataset.train);
    most('images', 'train', chosen);
    most('batch', 'train', Math.min(chosen, training.images ?? chosen));
  }
  if (isSoundAt('/dataset/test')) most('testImages', 'test', selectedCount(dataset.test));
  if (training.depths !== null && isSoundAt('/grid/depth') && problemOfDepths(spec) === null) {
    const grid = new Set(expandAxis(spec.grid.depth));
    const beside = training.depths.findIndex((depth) => !grid.has(depth));
    if (beside >= 0) {
      const message =
        `training.depths[${beside}] is ${training.depths[beside]}, which grid.depth does not have; ` +
        'write depths of the grid, or leave training.depths out.';
      problems.push({ pointer: `/training/depths/${beside}`, message });
    }
  }
  if (typeof training.learningRate === 'number') return problems;
  const pointer = '/training/learningRate';
  if (isSoundAt('/kernels') && !spec.kernels.includes('ntk')) {
    const message =
      'training.learningRate is a part of the largest rate, which needs the NTK, but kernels has none; ' +
      'add "ntk" to kernels, or write a number as learning rate.';
    problems.push({ pointer, message });
  } else if (isSoundAt('/analysis/spectrum') && spec.analysis.spectrum === 'none') {
    const message =
      'training.learningRate is a part of the largest rate, which needs lambda_max, but analysis.spectrum is "none"; ' +
      'write the spectrum {"top": 1}, or a number as learning rate.';
    problems.push({ pointer, message });
  }
  return problems;
}

const problemOfDepths = ({ grid }: ExperimentSpec) => axisProblem(grid.depth as Axis, '/grid/depth', true);

/** What a spectrum does not go with: more eigenvalues than images, or a gradient flow that needs what it leaves out. */
function spectrumProblems(
  { analysis, dataset }: ExperimentSpec,
  isSoundAt: (pointer: string) => boolean,
): Problem[] {
  const { spectrum, dynamics } = analysis;
  if (spectrum === 'full') return [];
  if (spectrum === 'none') {
    if (!isSoundAt('/analysis/dynamics/learningRate') || dynamics?.learningRate !== 'max') return [];
    const message =
      'analysis.dynamics.learningRate is "max", which needs lambda_max, but analysis.spectrum is "none"; ' +
      'write the spectrum "full", or a number as learning rate.';
    return [{ pointer: '/analysis/dynamics/learningRate', message }];
  }
  const problems: Problem[] = [];
  if (isSoundAt('/dataset/train') && spectrum.top > selectedCount(dataset.train)) {
    const train = selectedCount(dataset.train);
    const message =
      `analysis.spectrum.top is ${spectrum.top}, but dataset.train names ${train} images, which have ${train} ` +
      `eigenvalues; write at most ${train}, or the spectrum "full".`;
    problems.push({ pointer: '/analysis/spectrum/top', message });
  }
  if (isSoundAt('/analysis/dynamics') && dynamics !== null) {
    const message =
      `analysis.spectrum is {"top": ${spectrum.top}}, but analysis.dynamics needs every eigenvalue; ` +
      'write the spectrum "full", or leave analysis.dynamics out.';
    problems.push({ pointer: '/analysis/spectrum', message });
  }
  return problems;
}

/** One problem where the JSON nests deeper than any request does. */
function depthProblems(json: unknown): Problem[] {
  let level: unknown[] = [json];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > specLimits.jsonDepth) {
      const message = `The body nests deeper than ${specLimits.jsonDepth} levels; write at most that many.`;
      return [{ pointer: '', message }];
    }
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null
        ? Object.values(value).filter((child) => typeof child === 'object' && child !== null)
        : [],
    );
  }
  return [];
}
