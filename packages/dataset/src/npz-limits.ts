/** How large an uploaded data set may be. */
export interface NpzLimits {
  /** Bytes of all arrays, inflated. */
  maxBytes: number;
  /** Images of one split. Their labels are kept in memory. */
  maxImages: number;
  /** Values of one image. */
  maxInputs: number;
  /** Classes: one more than the largest label. A label matrix has a column for each. */
  maxClasses: number;
}

export const defaultNpzLimits: Readonly<NpzLimits> = {
  maxBytes: 8 * 1024 ** 3,
  maxImages: 10_000_000,
  maxInputs: 4_194_304,
  maxClasses: 10_000,
};
