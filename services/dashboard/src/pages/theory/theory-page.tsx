/** Mean-field theory of any activation, computed in the browser by the same package as the service's. */
import type { PhaseQuantity } from '@tessera/figures';
import { meanField } from '@tessera/theory';
import { useMemo } from 'react';
import { FigureView } from '../../figure/figure-view.js';
import { numberText } from '../../figure/number-text.js';
import { SymbolText } from '../../figure/symbol.js';
import { Choice, sigma } from '../results/view-choices.js';
import { activationChoices, NumberField, useTheoryView } from './theory-view.js';

const quantities: Record<PhaseQuantity, string> = {
  chi1: 'χ₁, white at criticality',
  qStar: 'q*, variance',
  cStar: 'c*, correlation',
  xi1: 'ξ₁, trainability',
  xiStar: 'ξ*, generalization',
};

export default function TheoryPage() {
  const { view, change } = useTheoryView();
  const { activation, weightVariance, biasVariance, quantity, mostWeight, mostBias } = view;
  const field = useMemo(
    () => meanField(activation, weightVariance, biasVariance),
    [activation, weightVariance, biasVariance],
  );
  const phase = useMemo(
    () => ({
      activation,
      weightRange: [0, mostWeight] as const,
      biasRange: [0, mostBias] as const,
      quantity,
    }),
    [activation, mostWeight, mostBias, quantity],
  );
  const scales = useMemo(
    () => ({
      activation,
      biasVariances: [biasVariance],
      weightRange: [0.02 * mostWeight, mostWeight] as const,
      weightVariances: [weightVariance],
    }),
    [activation, biasVariance, weightVariance, mostWeight],
  );
  const correlation = useMemo(
    () => ({ activation, points: [{ weightVariance, biasVariance }] }),
    [activation, weightVariance, biasVariance],
  );
  const parameters = Object.entries(activation).filter(([key]) => key !== 'name') as [string, number][];
  const hasCobweb = field.qStar !== null;
  const rounded = (value: number) => Number(value.toPrecision(3));
  return (
    <>
      <div className="page-head">
        <h1>Theory</h1>
      </div>
      <form className="choices" aria-label="Which network" onSubmit={(event) => event.preventDefault()}>
        <Choice
          label="Activation φ"
          values={activationChoices}
          value={activationChoices.find(({ name }) => name === activation.name) ?? activation}
          text={({ name }) => name}
          keyOf={({ name }) => name}
          onChoose={(chosen) => change({ activation: chosen })}
        />
        {parameters.map(([key, value]) => (
          <NumberField
            key={`${activation.name} ${key}`}
            label={key}
            value={value}
            onChange={(next) => change({ activation: { ...activation, [key]: next } as typeof activation })}
          />
        ))}
        <Choice
          label="Map"
          values={Object.keys(quantities) as PhaseQuantity[]}
          value={quantity}
          text={(one) => quantities[one]}
          keyOf={(one) => one}
          onChoose={(one) => change({ quantity: one })}
        />
        <NumberField
          label={<span>Point: {sigma('w')}</span>}
          value={weightVariance}
          least={0}
          onChange={(next) => change({ weightVariance: next })}
        />
        <NumberField
          label={<span>Point: {sigma('b')}</span>}
          value={biasVariance}
          least={0}
          onChange={(next) => change({ biasVariance: next })}
        />
        <NumberField
          label={<span>{sigma('w')} up to</span>}
          value={mostWeight}
          least={0.1}
          onChange={(next) => change({ mostWeight: next })}
        />
        <NumberField
          label={<span>{sigma('b')} up to</span>}
          value={mostBias}
          least={0.01}
          onChange={(next) => change({ mostBias: next })}
        />
      </form>
      <div className="results">
        <section className="panel">
          <FigureView
            name="phase-diagram"
            data={phase}
            title="Phase diagram"
            onPick={({ x, y }) => change({ weightVariance: rounded(x), biasVariance: rounded(y) })}
            onStep={(right, up) =>
              change({
                weightVariance: rounded(Math.max(0, weightVariance + (right * mostWeight) / 60)),
                biasVariance: rounded(Math.max(0, biasVariance + (up * mostBias) / 50)),
              })
            }
            markers={({ plot }) =>
              plot.panels.slice(0, 1).map((panel) => ({
                kind: 'ring',
                x: panel.x.position(weightVariance),
                y: panel.y.position(biasVariance),
              }))
            }
          />
          <p className="hover-line">Click, or use arrow keys, to choose a point.</p>
        </section>
        <section className="panel stack" aria-label="At this point">
          <div>
            <h2>
              {field.phase} at σ<sub>w</sub>² = {numberText(weightVariance)}, σ<sub>b</sub>² ={' '}
              {numberText(biasVariance)}
            </h2>
            <dl className="facts">
              {(
                [
                  ['q*', field.qStar],
                  ['c*', field.cStar],
                  ['χ₁', field.chi1],
                  ['χ_c*', field.chiC],
                  ['ξ₁, layers', field.xi1],
                  ['ξ_*, layers', field.xiStar],
                  ['ξ_c*, layers', field.xiC],
                ] as const
              ).map(([name, value]) => (
                <div key={name}>
                  <dt>
                    <SymbolText of={name} />
                  </dt>
                  <dd title={value === null ? undefined : String(value)}>{numberText(value, 5)}</dd>
                </div>
              ))}
            </dl>
            {field.warnings.map((warning) => (
              <p key={warning} className="muted">
                {warning}
              </p>
            ))}
          </div>
          {hasCobweb && <FigureView name="correlation-map" data={correlation} title="Correlation map" />}
        </section>
        <section className="panel wide">
          <FigureView name="depth-scales" data={scales} title="Depth scales" />
        </section>
      </div>
    </>
  );
}
