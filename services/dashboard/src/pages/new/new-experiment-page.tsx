/** A new experiment: a form made from the spec's schema, the spec beside it, and what it would cost. */
import { useMutation, useQuery } from '@tanstack/react-query';
import {
  type ExperimentSpecInput,
  experimentSpecInputSchema,
  type JsonSchema,
  TesseraError,
} from '@tessera/spec';
import { type FormEvent, useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { api } from '../../live/api.js';
import { Failure, Loading } from '../../ui/notice.js';
import { useUrlParam } from '../../ui/url-state.js';
import { CopyButtons } from './copy-buttons.js';
import { PhasePicker } from './phase-picker.js';
import { PlanPanel } from './plan-panel.js';
import { type Preset, presets } from './presets.js';
import { SchemaField } from './schema-field.js';
import { isFields, type Json, withValue } from './schema-values.js';
import { usePlan } from './use-plan.js';

const schema = experimentSpecInputSchema as unknown as JsonSchema;

/** Where the form starts: the address' own spec, another experiment's, or a preset. */
export default function NewExperimentPage() {
  const [clone] = useUrlParam('clone');
  const [presetKey] = useUrlParam('preset');
  const [text] = useUrlParam('spec');
  const { data, error } = useQuery({
    queryKey: ['experiment', clone],
    queryFn: () => api.getExperiment(clone),
    enabled: clone !== '' && text === '',
  });
  const written = parsed(text);
  if (written !== undefined) return <SpecForm start={written} key="form" />;
  if (clone !== '') {
    if (error) return <Failure error={error} />;
    if (!data) return <Loading what="Reading the experiment to clone" />;
    return (
      <SpecForm
        start={{ ...data.spec, name: `${data.spec.name}, again`.slice(0, 200) } as unknown as Json}
        key="form"
      />
    );
  }
  const preset = presets.find(({ key }) => key === presetKey) ?? (presets[0] as Preset);
  return <SpecForm start={preset.spec as unknown as Json} key="form" />;
}

function SpecForm({ start }: { start: Json }) {
  const [spec, setSpec] = useState<Json>(start);
  const [draft, setDraft] = useState<string | null>(null);
  const [, setUrlSpec] = useUrlParam('spec');
  const [, go] = useLocation();
  const live = usePlan(spec);
  const { data: datasets } = useQuery({
    queryKey: ['datasets'],
    queryFn: () => api.listDatasets({ limit: 200 }),
  });
  const create = useMutation({
    mutationFn: (made: Json) => api.createExperiment(made as unknown as ExperimentSpecInput),
    onSuccess: ({ id }) => go(`/experiments/${id}`),
  });

  // Once it is started the address belongs to the experiment: a late write would lead back to the form.
  const isStarted = create.isPending || create.isSuccess;
  useEffect(() => {
    if (spec === start || isStarted) return;
    const timer = setTimeout(() => setUrlSpec(JSON.stringify(spec)), 600);
    return () => clearTimeout(timer);
  }, [spec, start, isStarted, setUrlSpec]);

  const fields = isFields(spec) ? spec : {};
  const grid = isFields(fields.grid) ? fields.grid : {};
  const architecture = isFields(fields.architecture) ? fields.architecture : {};
  const refused = create.error instanceof TesseraError ? create.error.problems : [];
  const problems = live.problems.length > 0 ? live.problems : refused;
  const change = (path: readonly string[], value: Json) => {
    create.reset();
    setDraft(null);
    setSpec((known) => withValue(known, path, value));
  };
  const suggestions = {
    '/dataset/id': ['cifar10', 'synthetic', ...(datasets?.items.map(({ name }) => name) ?? [])],
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(spec);
  };
  const unplaced = problems.filter(({ pointer }) => !isPlaced(pointer));

  return (
    <form onSubmit={submit} className="new-experiment">
      <div className="page-head">
        <h1>New experiment</h1>
        <label className="row">
          <span>Start from</span>
          <select
            value=""
            onChange={(event) => {
              const preset = presets.find(({ key }) => key === event.target.value);
              if (preset) change([], structuredClone(preset.spec) as unknown as Json);
            }}
          >
            <option value="">a preset of the paper</option>
            {presets.map(({ key, title }) => (
              <option key={key} value={key}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" className="primary" disabled={create.isPending || live.problems.length > 0}>
          {create.isPending ? 'Starting ...' : 'Start'}
        </button>
      </div>
      {create.error && refused.length === 0 && <Failure error={create.error} />}
      {unplaced.length > 0 && (
        <Failure
          error={
            new TesseraError('invalid-spec', 'The spec has problems that no field shows.', {
              problems: unplaced,
            })
          }
        />
      )}
      <div className="new-columns">
        <div className="panel form">
          {Object.entries(schema.properties ?? {}).map(([name, property]) => (
            <div key={name} className="contents">
              {name === 'grid' && (
                <PhasePicker
                  activation={architecture.activation}
                  weightVariance={grid.weightVariance}
                  biasVariance={grid.biasVariance}
                  onPick={(weightVariance, biasVariance) =>
                    change(['grid'], { ...grid, weightVariance, biasVariance })
                  }
                />
              )}
              <SchemaField
                name={name}
                schema={property}
                value={fields[name]}
                pointer={`/${name}`}
                problems={problems}
                isRequired={schema.required?.includes(name) ?? false}
                onChange={(value) => change([name], value)}
                suggestions={suggestions}
              />
            </div>
          ))}
        </div>
        <div className="side sticky">
          <PlanPanel {...live} />
          <section className="panel">
            <h2>The spec</h2>
            <label>
              <span className="hidden-label">The spec as JSON; paste one to fill the form</span>
              <textarea
                className="mono spec-text"
                spellCheck={false}
                value={draft ?? JSON.stringify(spec, null, 2)}
                onChange={(event) => {
                  setDraft(event.target.value);
                  const pasted = parsed(event.target.value);
                  if (pasted !== undefined) {
                    create.reset();
                    setSpec(pasted);
                  }
                }}
                onBlur={() => draft !== null && parsed(draft) !== undefined && setDraft(null)}
              />
            </label>
            {draft !== null && parsed(draft) === undefined && (
              <p className="error-text" role="alert">
                This is no JSON object yet; the form keeps the last one that was.
              </p>
            )}
            <p className="muted small">Paste a spec to fill the form.</p>
            <CopyButtons spec={spec} />
          </section>
        </div>
      </div>
    </form>
  );
}

/** Whether the form has a field at, or above, a pointer. */
function isPlaced(pointer: string): boolean {
  const [, first] = pointer.split('/');
  return first !== undefined && Object.hasOwn(schema.properties ?? {}, first);
}

function parsed(text: string): Json {
  try {
    const value = JSON.parse(text) as Json;
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
