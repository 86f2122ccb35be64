/** One point of the grid: its phase and numbers, its spectrum, its learning curves. */
import { useQuery } from '@tanstack/react-query';
import { resultGrid } from '@tessera/figures';
import { eigenvalueCount, selectedCount } from '@tessera/spec';
import { useMemo } from 'react';
import { FigureView } from '../../figure/figure-view.js';
import { readNpy } from '../../figure/npy.js';
import { numberText } from '../../figure/number-text.js';
import { SymbolText } from '../../figure/symbol.js';
import type { Results } from '../../figure/use-results.js';
import { api } from '../../live/api.js';
import { Failure, Loading } from '../../ui/notice.js';
import type { ResultView } from './use-view.js';

export function PointPanel({ results, view }: { results: Results; view: ResultView }) {
  const { experiment, rows } = results;
  const { kernel, weightVariance, biasVariance, depth } = view;
  const row = useMemo(
    () => resultGrid(experiment.spec, rows, { kernel, biasVariance }).at(weightVariance, depth),
    [experiment, rows, kernel, biasVariance, weightVariance, depth],
  );
  const hasEigenvalues =
    eigenvalueCount(experiment.spec.analysis.spectrum, selectedCount(experiment.spec.dataset.train)) > 0;
  const place = {
    weightVariance: String(weightVariance),
    biasVariance: String(biasVariance),
    depth: String(depth),
  };
  const eigenvalues = useQuery({
    queryKey: ['eigenvalues', experiment.id, kernel, place],
    enabled: hasEigenvalues && row !== null,
    queryFn: () => api.openArray(experiment.id, `${kernel}_eigenvalues`, place).then(readNpy),
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: (last) => last,
  });
  const values = eigenvalues.data?.values;
  const spectrum = useMemo(
    () => values && { experiment, kernel, weightVariance, biasVariance, depth, row, eigenvalues: values },
    [experiment, kernel, weightVariance, biasVariance, depth, row, values],
  );
  const curves = useMemo(() => row && { experiment, row }, [experiment, row]);
  const hasCurves = row !== null && row.dynamics.length + row.regression.length > 0;
  return (
    <section className="panel stack" aria-label="At this point">
      <div>
        <h2>
          {kernel === 'ntk' ? 'NTK' : 'NNGP'} at σ<sub>w</sub>² = {numberText(weightVariance, 4)}, σ
          <sub>b</sub>² = {numberText(biasVariance, 4)}, depth {depth}
        </h2>
        {row === null ? (
          <p className="muted">This point is not computed yet.</p>
        ) : (
          <>
            <dl className="facts">
              {factsOf(row).map(([name, value]) => (
                <div key={name}>
                  <dt>
                    <SymbolText of={name} />
                  </dt>
                  <dd title={typeof value === 'number' ? String(value) : undefined}>
                    {typeof value === 'string' ? value : numberText(value)}
                  </dd>
                </div>
              ))}
            </dl>
            {row.warnings.map((warning) => (
              <p key={warning} className="muted">
                {warning}
              </p>
            ))}
          </>
        )}
      </div>
      {hasCurves && curves && <FigureView name="learning-curves" data={curves} title="Learning curves" />}
      {spectrum && <FigureView name="spectrum" data={spectrum} title="Spectrum" />}
      {eigenvalues.isLoading && <Loading what="Reading the eigenvalues" />}
      {eigenvalues.error && <Failure error={eigenvalues.error} />}
    </section>
  );
}

function factsOf(
  row: NonNullable<ReturnType<ReturnType<typeof resultGrid>['at']>>,
): [string, string | number | null][] {
  return [
    ['phase', row.phase],
    ['χ₁', row.chi1],
    row.xi1 !== null ? ['ξ₁, layers', row.xi1] : ['ξ_*, layers', row.xiStar],
    ['q*', row.qStar],
    ['c*', row.cStar],
    ['κ', row.kappa],
    ['λ_max', row.lambdaMax],
    ['λ_bulk', row.lambdaBulk],
    ['λ_min', row.lambdaMin],
    ['largest η', row.maxLearningRate],
    ['|P(Θ)Y|', row.meanPredictorNorm],
    ['numbers', row.status],
  ];
}
