/** A task's depths in ascending order, each with its place in the result. */
export interface SortedDepths {
  depths: number[];
  positions: number[];
  /** The deepest. */
  layers: number;
}

export function sortDepths(given: readonly number[]): SortedDepths {
  const positions = given.map((_, position) => position);
  positions.sort((a, b) => (given[a] as number) - (given[b] as number));
  const depths = positions.map((position) => given[position] as number);
  return { depths, positions, layers: depths.at(-1) ?? 0 };
}

/** Some layers in a row. */
export interface Segment {
  first: number;
  layers: number;
  isFirst: boolean;
  isLast: boolean;
  /** (layer within the segment, place in the result) of each depth that is read out in it. */
  depths: Int32Array;
}

/** The layers in segments of at most `most`; a depth at a boundary belongs to the segment that begins there, the deepest to the last. */
export function segmentsOf({ depths, positions, layers }: SortedDepths, most: number): Segment[] {
  const count = Math.max(1, Math.ceil(layers / most));
  return Array.from({ length: count }, (_, index) => {
    const first = index * most;
    const isLast = index === count - 1;
    const end = isLast ? layers : first + most;
    const within = depths.flatMap((depth, at) =>
      depth >= first && (depth < end || isLast) ? [depth - first, positions[at] as number] : [],
    );
    return { first, layers: end - first, isFirst: index === 0, isLast, depths: Int32Array.from(within) };
  });
}
