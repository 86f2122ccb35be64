/** An experiment as the REST service shows it. */
import type { ExperimentRecord } from '@tessera/database';
import type { Plan } from '@tessera/plan';
import {
  type ErrorCode,
  type Experiment,
  errorRegistry,
  type Failure,
  type Progress,
  trainingOf,
} from '@tessera/spec';
import { estimateSecondsLeft } from './seconds-left.js';

/** An experiment with the plan that this service stored with it. */
export type PlannedExperiment = ExperimentRecord<Plan>;

export function presentExperiment(record: PlannedExperiment, now: Date = new Date()): Experiment {
  const self = experimentPath(record.id);
  return {
    id: record.id,
    name: record.name,
    state: record.state,
    project: record.project,
    createdBy: record.createdBy,
    createdAt: record.createdAt.toISOString(),
    startedAt: record.startedAt?.toISOString() ?? null,
    finishedAt: record.finishedAt?.toISOString() ?? null,
    spec: record.spec,
    progress: presentProgress(record, now),
    error: presentFailure(record.error),
    paused: record.paused,
    links: {
      self,
      events: `${self}/events`,
      analyses: `${self}/analyses`,
      analysesCsv: `${self}/analyses.csv`,
      trainings: `${self}/trainings`,
      trainingsCsv: `${self}/trainings.csv`,
      arrays: `${self}/arrays`,
    },
  };
}

export const experimentPath = (id: string) => `/v1/experiments/${id}`;

export function presentProgress(record: PlannedExperiment, now: Date = new Date()): Progress {
  const { trainings: networks, ...progress } = record.progress;
  const { step, ...trainings } = networks;
  const each = trainingOf(record.spec)?.steps ?? 0;
  const steps = { total: each * trainings.total, done: each * trainings.done + step };
  return { ...progress, trainings: { ...trainings, steps }, secondsLeft: estimateSecondsLeft(record, now) };
}

/** The stored text of a failure is `code: message` where the code is known. */
export function presentFailure(error: string | null): Failure | null {
  if (error === null) return null;
  const [, code, message] = /^([a-z-]+): (.*)$/s.exec(error) ?? [];
  if (code !== undefined && message !== undefined && Object.hasOwn(errorRegistry, code)) {
    return { code: code as ErrorCode, message };
  }
  return { code: 'internal', message: error };
}

/** Changes with every visible change; weak, because `running` and `secondsLeft` move between revisions. */
export const experimentEtag = (record: Pick<PlannedExperiment, 'revision'>) => `W/"${record.revision}"`;

/** True when `If-None-Match` names `etag`, compared weakly (RFC 9110, 13.1.2). */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const opaque = (tag: string) => tag.trim().replace(/^W\//, '');
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((tag) => opaque(tag) === opaque(etag));
}
