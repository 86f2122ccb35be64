/** What decides an experiment's arrays, and under which keys its bytes lie. */
import type { ExperimentSpec, KernelName, Precision } from '@tessera/spec';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Everything that the arrays of an experiment follow from. Coordinates are in the request's order. */
export interface ExperimentLayout {
  id: string;
  /** The filled spec. */
  spec: ExperimentSpec;
  axes: {
    weightVariance: readonly number[];
    biasVariance: readonly number[];
    depth: readonly number[];
    kernels: readonly KernelName[];
    /** Gradient-flow times; empty without dynamics. */
    times: readonly number[];
    /** Ridges; empty without regression. */
    diagReg: readonly number[];
  };
  /** The chosen images: ascending indices into the data set's splits. */
  train: Int32Array;
  test: Int32Array;
  classes: number;
  classNames: readonly string[] | null;
  /** Images on a tile's side. */
  tileSize: number;
  /** Test rows of a strip; 0 without test images. */
  stripRows: number;
  precision: Precision;
  /** What made the numbers: versions, fingerprint, data set, chosen images. Stored in the group's attributes. */
  provenance: Json;
}

/** The grid point of a kernel: positions in the two axes of variances. */
export interface GridPoint {
  weightIndex: number;
  biasIndex: number;
}

/** The folders of an experiment. */
export function experimentKeys(id: string): {
  root: string;
  temporary: string;
  complete: string;
} {
  const root = `experiments/${id}.zarr`;
  // The marker is a Zarr group of its own: zarr-python warns at every open of a file that it does not know.
  return {
    root,
    temporary: `experiments/${id}.tmp`,
    complete: `${root}/complete/zarr.json`,
  };
}

/** The grid point of a kernel index: kernels are numbered row-major over (weightVariance, biasVariance). */
export function gridPoint(layout: ExperimentLayout, kernelIndex: number): GridPoint {
  const biases = layout.axes.biasVariance.length;
  return {
    weightIndex: Math.floor(kernelIndex / biases),
    biasIndex: kernelIndex % biases,
  };
}

/** The key of an array's stored chunk (its shard, where it has shards) at a place of the chunk grid. */
export function chunkKey(id: string, array: string, place: readonly number[]): string {
  return `${experimentKeys(id).root}/${array}/c/${place.join('/')}`;
}
