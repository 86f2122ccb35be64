/** What the theory page shows, kept in its address. */
import type { PhaseQuantity } from '@tessera/figures';
import type { Activation } from '@tessera/spec';
import { type ReactNode, useEffect, useId, useMemo, useState } from 'react';
import { useSearchParams } from 'wouter';

/** Every activation, its parameters at usual values. */
export const activationChoices: readonly Activation[] = [
  { name: 'erf' },
  { name: 'relu' },
  { name: 'tanh' },
  { name: 'gelu' },
  { name: 'leaky-relu', alpha: 0.1 },
  { name: 'abs' },
  { name: 'abrelu', a: 0.2, b: 1 },
  { name: 'sin', a: 1, b: 1, c: 0 },
  { name: 'rbf', gamma: 0.5 },
  { name: 'identity' },
];

export interface TheoryView {
  activation: Activation;
  weightVariance: number;
  biasVariance: number;
  quantity: PhaseQuantity;
  /** The ends of the map. */
  mostWeight: number;
  mostBias: number;
}

const quantities: readonly PhaseQuantity[] = ['chi1', 'qStar', 'cStar', 'xi1', 'xiStar'];

export function useTheoryView(): { view: TheoryView; change(changes: Partial<TheoryView>): void } {
  const [parameters, setParameters] = useSearchParams();
  const text = parameters.toString();
  const view = useMemo((): TheoryView => {
    const given = new URLSearchParams(text);
    const number = (name: string, fallback: number, least = 0) => {
      const value = given.has(name) ? Number(given.get(name)) : fallback;
      return Number.isFinite(value) && value >= least ? value : fallback;
    };
    return {
      activation: activationOf(given),
      weightVariance: number('sw2', 1.5),
      biasVariance: number('sb2', 0.05),
      quantity: quantities.find((one) => one === given.get('map')) ?? 'chi1',
      mostWeight: number('to', 3, 0.1),
      mostBias: number('bto', 0.25, 0.01),
    };
  }, [text]);
  const change = ({
    activation,
    weightVariance,
    biasVariance,
    quantity,
    mostWeight,
    mostBias,
  }: Partial<TheoryView>) =>
    setParameters(
      (known) => {
        const next = new URLSearchParams(known);
        if (activation !== undefined) {
          for (const key of [...next.keys()]) if (key.startsWith('phi')) next.delete(key);
          for (const [key, value] of Object.entries(activation))
            next.set(key === 'name' ? 'phi' : `phi.${key}`, String(value));
        }
        if (quantity !== undefined) next.set('map', quantity);
        const numbers = { sw2: weightVariance, sb2: biasVariance, to: mostWeight, bto: mostBias };
        for (const [key, value] of Object.entries(numbers))
          if (value !== undefined) next.set(key, String(value));
        return next;
      },
      { replace: true },
    );
  return { view, change };
}

function activationOf(given: URLSearchParams): Activation {
  const base =
    activationChoices.find(({ name }) => name === given.get('phi')) ?? (activationChoices[0] as Activation);
  const own = Object.entries(base).map(([key, value]) => {
    const written = given.get(`phi.${key}`);
    const number = Number(written);
    return [key, key === 'name' || written === null || !Number.isFinite(number) ? value : number];
  });
  return Object.fromEntries(own) as Activation;
}

/** A number that is taken as soon as it is one; text that is none stays visible and changes nothing. */
export function NumberField(props: {
  label: ReactNode;
  value: number;
  least?: number;
  onChange(value: number): void;
}) {
  const { label, value, least = Number.NEGATIVE_INFINITY, onChange } = props;
  const id = useId();
  const [text, setText] = useState(String(value));
  useEffect(() => setText(String(value)), [value]);
  const isFine = text.trim() !== '' && Number.isFinite(Number(text)) && Number(text) >= least;
  return (
    <label htmlFor={id}>
      {label}
      <input
        id={id}
        inputMode="decimal"
        size={8}
        value={text}
        aria-invalid={!isFine}
        onChange={(event) => {
          setText(event.target.value);
          const next = Number(event.target.value);
          if (event.target.value.trim() !== '' && Number.isFinite(next) && next >= least) onChange(next);
        }}
      />
    </label>
  );
}
