/** How an activation is handed to C: its number (task.h, ActivationKind) and the three numbers a, b, c. */
import type { Activation } from '@tessera/spec';

const kinds = { identity: 0, abrelu: 1, erf: 2, gelu: 3, sin: 4, rbf: 5, tanh: 6 } as const;

export interface NetworkNumbers {
  kind: number;
  parameters: [number, number, number];
}

export function networkNumbers(activation: Activation): NetworkNumbers {
  switch (activation.name) {
    case 'relu':
      return { kind: kinds.abrelu, parameters: [0, 1, 0] };
    case 'leaky-relu':
      return { kind: kinds.abrelu, parameters: [activation.alpha, 1, 0] };
    case 'abs':
      return { kind: kinds.abrelu, parameters: [-1, 1, 0] };
    case 'abrelu':
      return { kind: kinds.abrelu, parameters: [activation.a, activation.b, 0] };
    case 'sin':
      // The C code wants sin^2 c: with it T and T' need no cancelling cosines (activations.h, Sin).
      return { kind: kinds.sin, parameters: [activation.a, activation.b, Math.sin(activation.c) ** 2] };
    case 'rbf':
      return { kind: kinds.rbf, parameters: [activation.gamma, 0, 0] };
    default:
      return { kind: kinds[activation.name], parameters: [0, 0, 0] };
  }
}
