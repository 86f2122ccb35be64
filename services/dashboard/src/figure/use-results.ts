/** What figures are drawn from: an experiment, its data set and its rows, filling in while it runs. */
import { useQuery } from '@tanstack/react-query';
import { type FigureExperiment, figureExperiment } from '@tessera/figures';
import {
  type AnalysisRow,
  type DatasetInfo,
  type Experiment,
  TesseraError,
  type TrainingRow,
} from '@tessera/spec';
import { useMemo } from 'react';
import { api } from '../live/api.js';
import { isMoving } from '../live/use-experiments.js';

/** Between two looks at the rows of an experiment that runs. */
const fillMs = 3000;

export interface Results {
  experiment: FigureExperiment;
  rows: readonly AnalysisRow[];
}

export function useRows(experiment: Experiment | undefined) {
  const id = experiment?.id ?? '';
  // Rows become visible with their kernel: its strips, or its analyses, have then moved.
  const { analyses, strips } = experiment?.progress ?? { analyses: null, strips: null };
  const isLive = experiment !== undefined && isMoving(experiment);
  return useQuery({
    queryKey: ['rows', id, isLive ? null : `${analyses?.done} ${strips?.done} ${experiment?.state}`],
    enabled: experiment !== undefined,
    queryFn: () => readRows(id),
    refetchInterval: isLive ? fillMs : false,
    staleTime: isLive ? fillMs : 60_000,
    placeholderData: (last) => last,
  });
}

/** Networks that are trained so far; none where the spec asks for none. */
export function useTrainings(experiment: Experiment | undefined) {
  const id = experiment?.id ?? '';
  const { total = 0, done = 0 } = experiment?.progress.trainings ?? {};
  return useQuery({
    queryKey: ['trainings', id, done],
    enabled: total > 0,
    queryFn: async () => {
      const rows: TrainingRow[] = [];
      for await (const row of api.trainings(id)) rows.push(row);
      return rows;
    },
    staleTime: 60_000,
    placeholderData: (last) => last,
  });
}

export async function readRows(id: string): Promise<AnalysisRow[]> {
  const rows: AnalysisRow[] = [];
  for await (const row of api.analyses(id)) rows.push(row);
  return rows;
}

/** Null where the data set has been deleted since. */
export async function readDataset(name: string): Promise<DatasetInfo | null> {
  try {
    return await api.getDataset(name);
  } catch (error) {
    if (error instanceof TesseraError && error.code === 'not-found') return null;
    throw error;
  }
}

export function useDataset(name: string | undefined) {
  return useQuery({
    queryKey: ['dataset', name],
    enabled: name !== undefined,
    queryFn: () => readDataset(name as string),
    staleTime: 600_000,
  });
}

/** Null until the experiment is there. */
export function useFigureExperiment(experiment: Experiment | undefined): FigureExperiment | null {
  const { data: dataset } = useDataset(experiment?.spec.dataset.id);
  const { id, name, spec } = experiment ?? {};
  return useMemo(
    () =>
      id === undefined || name === undefined || spec === undefined
        ? null
        : figureExperiment({ id, name, spec }, dataset ?? null, 'tessera'),
    [id, name, spec, dataset],
  );
}
