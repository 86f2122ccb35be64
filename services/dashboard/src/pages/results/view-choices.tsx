/** Which kernel, bias variance, score and point are shown: the same choices as by clicking, for keyboards. */
import type { ScoreAt } from '@tessera/figures';
import type { ReactNode } from 'react';
import { numberText } from '../../figure/number-text.js';
import { type ResultView, scoreKey, type ViewAxes } from './use-view.js';

interface ViewChoicesProps {
  axes: ViewAxes;
  view: ResultView;
  change(changes: Partial<ResultView>): void;
}

const scoreLabel = (at: ScoreAt) =>
  'time' in at ? `flow, t = ${numberText(at.time, 6)}` : `ridge, r = ${numberText(at.diagReg, 6)}`;

export function ViewChoices({ axes, view, change }: ViewChoicesProps) {
  const number = (value: number) => String(value);
  return (
    <form className="choices" aria-label="What is shown" onSubmit={(event) => event.preventDefault()}>
      <Choice
        label="Kernel"
        values={axes.kernels}
        value={view.kernel}
        text={(kernel) => (kernel === 'ntk' ? 'NTK' : 'NNGP')}
        keyOf={(kernel) => kernel}
        onChoose={(kernel) => change({ kernel })}
      />
      {axes.scores.length > 0 && (
        <>
          <Choice
            label="Show"
            values={['accuracy', 'loss'] as const}
            value={view.quantity}
            text={(quantity) => quantity}
            keyOf={(quantity) => quantity}
            onChoose={(quantity) => change({ quantity })}
          />
          <Choice
            label="At"
            values={axes.scores}
            value={view.at as ScoreAt}
            text={scoreLabel}
            keyOf={scoreKey}
            onChoose={(at) => change({ at })}
          />
        </>
      )}
      <Choice
        label={sigma('b')}
        values={axes.biasVariances}
        value={view.biasVariance}
        text={(value) => numberText(value, 5)}
        keyOf={number}
        onChoose={(biasVariance) => change({ biasVariance })}
      />
      <Choice
        label={<span>Point: {sigma('w')}</span>}
        values={axes.weightVariances}
        value={view.weightVariance}
        text={(value) => numberText(value, 5)}
        keyOf={number}
        onChoose={(weightVariance) => change({ weightVariance })}
      />
      <Choice
        label="Point: depth"
        values={axes.depths}
        value={view.depth}
        text={String}
        keyOf={number}
        onChoose={(depth) => change({ depth })}
      />
    </form>
  );
}

/** A variance as the field writes it. */
export const sigma = (of: 'w' | 'b') => (
  <span>
    σ<sub>{of}</sub>²
  </span>
);

interface ChoiceProps<T> {
  label: ReactNode;
  values: readonly T[];
  value: T;
  text(value: T): string;
  keyOf(value: T): string;
  onChoose(value: T): void;
}

/** A list to choose one of, by values of any type. */
export function Choice<T>({ label, values, value, text, keyOf, onChoose }: ChoiceProps<T>) {
  return (
    <label>
      {label}
      <select
        value={keyOf(value)}
        onChange={(event) => {
          const chosen = values.find((one) => keyOf(one) === event.target.value);
          if (chosen !== undefined) onChoose(chosen);
        }}
      >
        {values.map((one) => (
          <option key={keyOf(one)} value={keyOf(one)}>
            {text(one)}
          </option>
        ))}
      </select>
    </label>
  );
}
