/** How an activation is handed to C: its number (task.h, ActivationKind) and the three numbers a, b, c. */
import { type Activation, formOfActivation } from '@tessera/spec';

const kinds = { identity: 0, abrelu: 1, erf: 2, gelu: 3, sin: 4, rbf: 5, tanh: 6 } as const;

export interface NetworkNumbers {
  kind: number;
  parameters: [number, number, number];
}

export function networkNumbers(activation: Activation): NetworkNumbers {
  const form = formOfActivation(activation);
  switch (form.name) {
    case 'abrelu':
      return { kind: kinds.abrelu, parameters: [form.a, form.b, 0] };
    case 'sin':
      // The C code wants sin^2 c: with it T and T' need no cancelling cosines (activations.h, Sin).
      return { kind: kinds.sin, parameters: [form.a, form.b, Math.sin(form.c) ** 2] };
    case 'rbf':
      return { kind: kinds.rbf, parameters: [form.gamma, 0, 0] };
    default:
      return { kind: kinds[form.name], parameters: [0, 0, 0] };
  }
}
