/** What a spec would cost, asked as it is typed. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import {
  type ExperimentSpecInput,
  type PlanSummary,
  type Problem,
  parseSpec,
  TesseraError,
} from '@tessera/spec';
import { useEffect, useState } from 'react';
import { api } from '../../live/api.js';
import type { Json } from './schema-values.js';

const quietMs = 350;

export interface LivePlan {
  plan: PlanSummary | undefined;
  problems: readonly Problem[];
  /** What is wrong that no field can show. */
  error: Error | null;
  /** The plan shown is of an older spec. */
  isOld: boolean;
}

export function usePlan(spec: Json): LivePlan {
  const [settled, setSettled] = useState(spec);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(spec), quietMs);
    return () => clearTimeout(timer);
  }, [spec]);
  const text = JSON.stringify(settled);
  const { data, error, isFetching, isPlaceholderData } = useQuery({
    queryKey: ['plan', text],
    queryFn: () => api.planExperiment(JSON.parse(text) as ExperimentSpecInput),
    retry: false,
    placeholderData: keepPreviousData,
  });
  // The same reader as the server's says at once what is wrong by itself; the server adds what the data set tells.
  const local = problemsOf(spec);
  const remote = error instanceof TesseraError ? error.problems : [];
  const isSettled = settled === spec;
  return {
    plan: error || local.length > 0 ? undefined : data,
    problems: isSettled && remote.length > 0 ? remote : local,
    error: error && remote.length === 0 && isSettled ? error : null,
    isOld: !isSettled || isFetching || isPlaceholderData,
  };
}

function problemsOf(spec: Json): readonly Problem[] {
  try {
    parseSpec(spec);
    return [];
  } catch (error) {
    if (error instanceof TesseraError) return error.problems;
    throw error;
  }
}
