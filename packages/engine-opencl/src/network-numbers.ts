/** How a network is handed to the kernels: its activation's number, and the numbers of `net` (kernels/prelude.cl, duals.cl). */
import type { TileTask } from '@tessera/engine';
import { type Activation, formOfActivation } from '@tessera/spec';

const kinds = { identity: 0, abrelu: 1, erf: 2, gelu: 3, sin: 4, rbf: 5, tanh: 6 } as const;
export type ActivationKind = keyof typeof kinds;
export const kindNumber = (kind: ActivationKind): number => kinds[kind];

/** Parameters that images hand to their pairs, those of differences, of their references (duals.cl); whether slopes vary. */
export const parameterCounts: Readonly<
  Record<ActivationKind, { own: number; differences: number; references: number; levelSlopes: boolean }>
> = {
  identity: { own: 0, differences: 0, references: 0, levelSlopes: true },
  abrelu: { own: 2, differences: 3, references: 4, levelSlopes: true },
  erf: { own: 3, differences: 3, references: 3, levelSlopes: false },
  gelu: { own: 6, differences: 5, references: 4, levelSlopes: false },
  sin: { own: 2, differences: 1, references: 2, levelSlopes: false },
  rbf: { own: 0, differences: 1, references: 1, levelSlopes: true },
  tanh: { own: 5 + 3 * 128, differences: 0, references: 0, levelSlopes: false },
};

export const kindOfActivation = (activation: Activation): ActivationKind => formOfActivation(activation).name;

/** sb2, the reference variance, sw2, then the activation's own. `scale`: sw2 over the pixels of the filter. */
export function networkNumbers(
  task: Pick<TileTask, 'architecture' | 'weightVariance' | 'biasVariance' | 'referenceVariance'>,
  scale: number,
): number[] {
  const { activation } = task.architecture;
  return [
    task.biasVariance,
    task.referenceVariance,
    task.weightVariance,
    ...activationNumbers(activation, scale),
  ];
}

function activationNumbers(activation: Activation, scale: number): number[] {
  const form = formOfActivation(activation);
  switch (form.name) {
    case 'abrelu': {
      const { a, b } = form;
      return [(scale * (a * a + b * b)) / 2, (scale * (a - b) * (a - b)) / (2 * Math.PI)];
    }
    case 'erf':
      return [(scale * 4) / Math.PI];
    case 'gelu':
      return [scale / 4, scale / (2 * Math.PI)];
    case 'sin': {
      const { a, b, c } = form;
      const sine = Math.sin(c) ** 2;
      const half = (scale * a * a) / 2;
      return [b * b, half, half * b * b, 2 * sine, 2 - 2 * sine, 1 - 2 * sine];
    }
    case 'rbf':
      return [scale, 2 * form.gamma, 2 * form.gamma * scale];
    default:
      return [scale];
  }
}
