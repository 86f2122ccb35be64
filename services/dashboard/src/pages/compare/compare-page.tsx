/** Two to eight experiments on the same axes, and the differences from the first. */
import { useQueries } from '@tanstack/react-query';
import { type CompareData, type ComparedQuantity, figureExperiment } from '@tessera/figures';
import { type Experiment, expandAxis, type KernelName } from '@tessera/spec';
import { useMemo } from 'react';
import { FigureView } from '../../figure/figure-view.js';
import { numberText } from '../../figure/number-text.js';
import { readDataset, readRows } from '../../figure/use-results.js';
import { api } from '../../live/api.js';
import { useExperiments } from '../../live/use-experiments.js';
import { Failure, Loading } from '../../ui/notice.js';
import { useUrlList, useUrlParam } from '../../ui/url-state.js';
import { Choice, sigma } from '../results/view-choices.js';

const most = 8;
const quantities: Record<ComparedQuantity, string> = {
  test_accuracy: 'test accuracy',
  train_accuracy: 'training accuracy',
  test_loss: 'test loss',
  train_loss: 'training loss',
  kappa: 'κ',
  mean_predictor_norm: '|P(Θ)Y|',
};

export default function ComparePage() {
  const [ids, setIds] = useUrlList('ids');
  const chosen = ids.slice(0, most);
  const loaded = useQueries({
    queries: chosen.map((id) => ({ queryKey: ['compared', id], queryFn: () => load(id), staleTime: 30_000 })),
    combine: (results) => ({
      all: results.flatMap(({ data }) => (data === undefined ? [] : [data])),
      isLoading: results.some(({ isLoading }) => isLoading),
      error: results.find(({ error }) => error !== null)?.error ?? null,
    }),
  });
  const toggle = (id: string) => setIds(ids.includes(id) ? ids.filter((one) => one !== id) : [...chosen, id]);
  return (
    <>
      <div className="page-head">
        <h1>Compare</h1>
      </div>
      <Picker chosen={chosen} onToggle={toggle} />
      {loaded.error && <Failure error={loaded.error} />}
      {loaded.isLoading && <Loading what="Reading the results" />}
      {loaded.all.length >= 2 && loaded.all.length === chosen.length && (
        <Comparison experiments={loaded.all} />
      )}
      {chosen.length < 2 && <p className="muted">Choose two to eight experiments.</p>}
    </>
  );
}

async function load(id: string) {
  const made = await api.getExperiment(id);
  const [rows, dataset] = await Promise.all([readRows(id), readDataset(made.spec.dataset.id)]);
  return { experiment: figureExperiment(made, dataset, 'tessera'), rows };
}

function Picker({ chosen, onToggle }: { chosen: readonly string[]; onToggle(id: string): void }) {
  const { data, error } = useExperiments(200);
  const listed = data?.items.filter(({ state }) => state !== 'queued') ?? [];
  const isChosen = ({ id }: Pick<Experiment, 'id'>) => chosen.includes(id);
  return (
    <details className="panel" open={chosen.length < 2}>
      <summary>Experiments ({chosen.length} chosen)</summary>
      {error && <Failure error={error} />}
      {data !== undefined && listed.length === 0 && (
        <p>
          There is nothing to compare yet. <a href="/new">Start an experiment</a>.
        </p>
      )}
      <div className="picker">
        {listed.map((experiment) => (
          <label key={experiment.id}>
            <input
              type="checkbox"
              checked={isChosen(experiment)}
              disabled={!isChosen(experiment) && chosen.length >= most}
              onChange={() => onToggle(experiment.id)}
            />
            {experiment.name} <span className="muted">{experiment.state}</span>
          </label>
        ))}
      </div>
    </details>
  );
}

function Comparison({ experiments }: { experiments: CompareData['experiments'] }) {
  const [quantityText, setQuantity] = useUrlParam('show', 'test_accuracy');
  const quantity =
    (Object.keys(quantities) as ComparedQuantity[]).find((one) => one === quantityText) ?? 'test_accuracy';
  const kernels = (['ntk', 'nngp'] as const).filter((kernel) =>
    experiments.every(({ experiment }) => experiment.spec.kernels.includes(kernel)),
  );
  const [kernelText, setKernel] = useUrlParam('kernel', kernels[0] ?? 'ntk');
  const kernel: KernelName | undefined = kernels.find((one) => one === kernelText) ?? kernels[0];
  const weights = useMemo(
    () =>
      [
        ...new Set(experiments.flatMap(({ experiment }) => expandAxis(experiment.spec.grid.weightVariance))),
      ].sort((a, b) => a - b),
    [experiments],
  );
  const [weightText, setWeight] = useUrlParam('sw2', String(weights[Math.floor(weights.length / 2)]));
  const weightVariance = weights.find((one) => String(one) === weightText) ?? (weights[0] as number);
  const data = useMemo(() => ({ experiments, quantity, kernel }), [experiments, quantity, kernel]);
  const lines = useMemo(() => ({ ...data, weightVariance }), [data, weightVariance]);
  return (
    <>
      <form className="choices" aria-label="What is compared" onSubmit={(event) => event.preventDefault()}>
        <Choice
          label="Show"
          values={Object.keys(quantities) as ComparedQuantity[]}
          value={quantity}
          text={(one) => quantities[one]}
          keyOf={(one) => one}
          onChoose={(one) => setQuantity(one)}
        />
        {kernel !== undefined && (
          <Choice
            label="Kernel"
            values={kernels}
            value={kernel}
            text={(one) => (one === 'ntk' ? 'NTK' : 'NNGP')}
            keyOf={(one) => one}
            onChoose={(one) => setKernel(one)}
          />
        )}
        <Choice
          label={<span>Lines at {sigma('w')}</span>}
          values={weights}
          value={weightVariance}
          text={(one) => numberText(one, 5)}
          keyOf={String}
          onChoose={(one) => setWeight(String(one))}
        />
      </form>
      <div className="results">
        <section className="panel wide">
          <FigureView name="compare-maps" data={data} title="On the same axes" />
        </section>
        <section className="panel wide">
          <FigureView name="difference-map" data={data} title="Differences from the first" />
        </section>
        <section className="panel wide">
          <FigureView name="compare-lines" data={lines} title="Against depth" />
        </section>
      </div>
    </>
  );
}
