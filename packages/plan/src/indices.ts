/** From a task's number to its place in the plan and back: closed forms, no lists of tiles. */
import {
  type ExperimentSpec,
  type KernelName,
  TesseraError,
  type TrainingSpec,
  trainingOf,
} from '@tessera/spec';
import type { Plan } from './plan.js';
import { trainedDepths } from './training-work.js';

export interface KernelPlace {
  weightIndex: number;
  biasIndex: number;
  weightVariance: number;
  biasVariance: number;
}

export interface TilePlace {
  row: number;
  col: number;
  /** Positions in the selection of training images. */
  rowStart: number;
  rowCount: number;
  colStart: number;
  colCount: number;
}

export interface AnalysisPlace {
  depthIndex: number;
  kernel: KernelName;
}

export interface TrainingPlace {
  /** Position in the grid's depths. */
  depthIndex: number;
  depth: number;
  seed: number;
}

export interface RowRange {
  start: number;
  count: number;
}

export interface StripPlace extends RowRange {
  /** The strip's rows, cut into the blocks that are computed and contracted at once; absolute positions. */
  blocks: RowRange[];
}

function checkIndex(what: string, index: number, count: number): void {
  if (Number.isInteger(index) && index >= 0 && index < count) return;
  throw new TesseraError(
    'internal',
    `The plan has no ${what} ${index}: they are numbered 0 to ${count - 1}.`,
  );
}

/** The grid point of a kernel. Throws `internal` for an index outside the plan, as all functions here do. */
export function kernelAt(plan: Plan, kernelIndex: number): KernelPlace {
  checkIndex('kernel', kernelIndex, plan.kernels);
  const { weightVariance, biasVariance } = plan.axes;
  const weightIndex = Math.floor(kernelIndex / biasVariance.length);
  const biasIndex = kernelIndex % biasVariance.length;
  return {
    weightIndex,
    biasIndex,
    weightVariance: weightVariance[weightIndex] as number,
    biasVariance: biasVariance[biasIndex] as number,
  };
}

/** Tiles before row `row` of the upper triangle, diagonal included, row by row. */
function tilesBefore(blocks: number, row: number): number {
  return row * blocks - (row * (row - 1)) / 2;
}

/** The numbers of the tiles on the diagonal: symmetric ones, half the work of others. */
export function diagonalTiles({ blocks }: Pick<Plan, 'blocks'>): number[] {
  return Array.from({ length: blocks }, (_, row) => tilesBefore(blocks, row));
}

/** The number of tile (row, col), row <= col, within its kernel. */
export function tileIndex(plan: Plan, row: number, col: number): number {
  checkIndex('tile row', row, plan.blocks);
  checkIndex('tile column', col, plan.blocks);
  if (col < row) throw new TesseraError('internal', `Tile (${row}, ${col}) lies below the diagonal.`);
  return tilesBefore(plan.blocks, row) + col - row;
}

/** The tile of a number: its block and the positions of its images. O(1). */
export function tileAt(plan: Plan, index: number): TilePlace {
  checkIndex('tile', index, plan.tilesPerKernel);
  const { blocks } = plan;
  // The root of tilesBefore(row) = index; rounding may be off by one row, which the two loops mend.
  const twice = 2 * blocks + 1;
  let row = Math.min(blocks - 1, Math.max(0, Math.floor((twice - Math.sqrt(twice * twice - 8 * index)) / 2)));
  while (row > 0 && tilesBefore(blocks, row) > index) row -= 1;
  while (tilesBefore(blocks, row + 1) <= index) row += 1;
  const col = row + index - tilesBefore(blocks, row);
  const rows = part(row, plan.tileSize, plan.trainCount);
  const cols = part(col, plan.tileSize, plan.trainCount);
  return { row, col, rowStart: rows.start, rowCount: rows.count, colStart: cols.start, colCount: cols.count };
}

function part(index: number, size: number, total: number): RowRange {
  const start = index * size;
  return { start, count: Math.min(size, total - start) };
}

/** The analyses of one task, in grid order: kind by kind as the spec lists them, depths in the request's order. */
export function analysesAt(plan: Plan, spec: ExperimentSpec, taskIndex: number): AnalysisPlace[] {
  checkIndex('analysis task', taskIndex, plan.analysisTasksPerKernel);
  const depths = plan.axes.depth.length;
  const { start, count } = part(taskIndex, plan.analysisBatch, plan.analysesPerKernel);
  return Array.from({ length: count }, (_, offset) => {
    const analysis = start + offset;
    return {
      depthIndex: analysis % depths,
      kernel: spec.kernels[Math.floor(analysis / depths)] as KernelName,
    };
  });
}

/** The network of a training task: depth by depth, the seeds of each from 0. */
export function trainingAt(plan: Plan, spec: ExperimentSpec, taskIndex: number): TrainingPlace {
  checkIndex('network', taskIndex, plan.trainingsPerKernel ?? 0);
  const training = trainingOf(spec) as TrainingSpec;
  const depth = trainedDepths(spec, training)[Math.floor(taskIndex / training.seeds)] as number;
  return { depthIndex: plan.axes.depth.indexOf(depth), depth, seed: taskIndex % training.seeds };
}

/** The test rows of a strip and the blocks it is computed in. */
export function stripAt(plan: Plan, stripIndex: number): StripPlace {
  checkIndex('strip', stripIndex, plan.stripsPerKernel);
  const strip = part(stripIndex, plan.stripRows, plan.testCount);
  const blocks = Array.from({ length: Math.ceil(strip.count / plan.stripBlockRows) }, (_, index) => {
    const block = part(index, plan.stripBlockRows, strip.count);
    return { start: strip.start + block.start, count: block.count };
  });
  return { ...strip, blocks };
}
