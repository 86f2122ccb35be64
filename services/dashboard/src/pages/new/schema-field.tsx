/** A form made from a JSON schema: one field a property, a choice where there are variants, problems at their fields. */
import type { JsonSchema, Problem } from '@tessera/spec';
import { type ReactNode, useId, useState } from 'react';
import {
  constantsIn,
  firstValue,
  isFields,
  type Json,
  variantOf,
  variantsOf,
  withValue,
} from './schema-values.js';

export interface FieldProps {
  name: string;
  schema: JsonSchema;
  value: Json;
  /** RFC 6901, of this field. */
  pointer: string;
  problems: readonly Problem[];
  onChange: (value: Json) => void;
  /** What a string may be, by pointer. */
  suggestions?: Readonly<Record<string, readonly string[]>>;
  isRequired?: boolean;
}

/** Words for the spec's names; the others are split at their capitals. */
const words: Record<string, string> = {
  id: 'data set',
  train: 'training images',
  test: 'test images',
  weightVariance: 'σw², weight variance',
  biasVariance: 'σb², bias variance',
  diagReg: 'ridges (diagReg)',
  dynamics: 'gradient flow',
  regression: 'ridge regression',
};
export const labelOf = (name: string) =>
  words[name] ?? name.replace(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`);

export function SchemaField(props: FieldProps): ReactNode {
  const { name, schema, value, pointer, problems, isRequired = true } = props;
  const shown = value === undefined ? (schema.default as Json) : value;
  const isGroup = schema.properties !== undefined && !schema.anyOf;
  const mine = problems.filter(
    (problem) => problem.pointer === pointer || (!isGroup && isBelow(problem.pointer, pointer)),
  );
  const own = schema.anyOf ? problems.filter((problem) => problem.pointer === pointer) : mine;
  if (isGroup) {
    return (
      <fieldset className="group">
        <legend>{labelOf(name)}</legend>
        <Problems problems={own} />
        <ObjectFields {...props} value={shown} />
      </fieldset>
    );
  }
  const variants = variantsOf(schema);
  if (variants.length > 1 && schema.anyOf) return <VariantField {...props} value={shown} own={own} />;
  return (
    <Labelled name={name} schema={schema} problems={mine} isRequired={isRequired}>
      {(id, invalid) => <Control {...props} value={shown} id={id} invalid={invalid} />}
    </Labelled>
  );
}

const isBelow = (pointer: string, above: string) => pointer.startsWith(`${above}/`);

function ObjectFields(props: FieldProps) {
  const { schema, value, pointer, onChange } = props;
  const fields = isFields(value) ? value : {};
  return Object.entries(schema.properties ?? {})
    .filter(([, property]) => property.const === undefined)
    .map(([key, property]) => (
      <SchemaField
        key={key}
        {...props}
        name={key}
        schema={property}
        value={fields[key]}
        pointer={`${pointer}/${key}`}
        isRequired={schema.required?.includes(key) ?? false}
        onChange={(changed) => onChange(withValue(fields, [key], changed))}
      />
    ));
}

/** A choice of how to write it, and the fields of what was chosen. */
function VariantField(props: FieldProps & { own: readonly Problem[] }) {
  const { name, schema, value, own, onChange, pointer, problems } = props;
  const variants = variantsOf(schema);
  const at = variantOf(variants, value);
  const variant = variants[at];
  const isConstant =
    variant !== undefined && (constantsIn(variant.schema) !== null || variant.schema.type === 'null');
  const leaf = variant && !variant.schema.properties;
  const shown = leaf
    ? problems.filter((problem) => problem.pointer === pointer || isBelow(problem.pointer, pointer))
    : own;
  return (
    <Labelled name={name} schema={schema} problems={shown} isRequired={props.isRequired ?? true}>
      {(id, invalid) => (
        <div className="variant">
          <select
            id={id}
            value={at}
            {...invalid}
            onChange={(event) => {
              const chosen = variants[Number(event.target.value)];
              if (chosen) onChange(firstValue(chosen.schema, value));
            }}
          >
            {at < 0 && <option value={-1}>choose</option>}
            {variants.map((one, number) => (
              <option key={one.name} value={number}>
                {one.name}
              </option>
            ))}
          </select>
          {variant && !isConstant && leaf && (
            <Control
              {...props}
              schema={variant.schema}
              id={`${id}-value`}
              invalid={invalid}
              label={labelOf(name)}
            />
          )}
          {variant?.schema.properties && (
            <div className="inline-fields">
              <ObjectFields {...props} schema={variant.schema} />
            </div>
          )}
          {variant?.schema.description && <p className="muted small">{variant.schema.description}</p>}
        </div>
      )}
    </Labelled>
  );
}

type Invalid = { 'aria-invalid'?: true; 'aria-describedby'?: string };

function Labelled(props: {
  name: string;
  schema: JsonSchema;
  problems: readonly Problem[];
  isRequired: boolean;
  children: (id: string, invalid: Invalid) => ReactNode;
}) {
  const { name, schema, problems, isRequired, children } = props;
  const id = useId();
  const invalid: Invalid =
    problems.length > 0 ? { 'aria-invalid': true, 'aria-describedby': `${id}-problems` } : {};
  return (
    <div className={problems.length > 0 ? 'field faulty' : 'field'}>
      <label htmlFor={id} title={schema.description}>
        {labelOf(name)}
        {!isRequired && schema.default !== undefined && (
          <span className="muted small"> default {JSON.stringify(schema.default)}</span>
        )}
      </label>
      <div>
        {children(id, invalid)}
        <Problems problems={problems} id={`${id}-problems`} />
      </div>
    </div>
  );
}

function Problems({ problems, id }: { problems: readonly Problem[]; id?: string }) {
  if (problems.length === 0) return null;
  return (
    <ul className="problems" id={id}>
      {problems.slice(0, 4).map(({ pointer, message }) => (
        <li key={pointer + message}>{message}</li>
      ))}
    </ul>
  );
}

function Control(props: FieldProps & { id: string; invalid: Invalid; label?: string }) {
  const { schema, value, id, invalid, onChange, pointer, suggestions, label } = props;
  const named = label === undefined ? {} : { 'aria-label': label };
  const constants = constantsIn(schema);
  if (constants) {
    return (
      <select
        id={id}
        value={String(value)}
        {...invalid}
        {...named}
        onChange={(event) => onChange(event.target.value)}
      >
        {constants.map((one) => (
          <option key={String(one)}>{String(one)}</option>
        ))}
      </select>
    );
  }
  if (schema.type === 'boolean') {
    return (
      <input
        id={id}
        type="checkbox"
        checked={value === true}
        {...invalid}
        onChange={(event) => onChange(event.target.checked)}
      />
    );
  }
  const choices = schema.items && constantsIn(schema.items);
  if (choices) {
    const list = Array.isArray(value) ? value : [];
    return (
      <span className="row">
        {choices.map((one, number) => (
          <label key={String(one)} className="row">
            <input
              type="checkbox"
              id={number === 0 ? id : undefined}
              checked={list.includes(one)}
              {...invalid}
              onChange={(event) =>
                onChange(event.target.checked ? [...list, one] : list.filter((other) => other !== one))
              }
            />
            {String(one)}
          </label>
        ))}
      </span>
    );
  }
  const known = suggestions?.[pointer];
  return (
    <>
      <TextControl {...props} named={named} list={known ? `${id}-known` : undefined} />
      {known && (
        <datalist id={`${id}-known`}>
          {known.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </>
  );
}

/** A number, a list of numbers or a text; what is no number stays as it is typed, and its problem is shown. */
function TextControl(
  props: FieldProps & { id: string; invalid: Invalid; named: object; list: string | undefined },
) {
  const { schema, value, id, invalid, onChange, named, list } = props;
  const [draft, setDraft] = useState<string | null>(null);
  const isText = schema.type === 'string';
  const read = (text: string): Json => {
    if (isText) return text;
    if (schema.type === 'array')
      return text
        .split(/[\s,;]+/)
        .filter(Boolean)
        .map(numberOr);
    return numberOr(text.trim());
  };
  return (
    <input
      id={id}
      type="text"
      inputMode={isText ? 'text' : 'decimal'}
      spellCheck={false}
      autoComplete="off"
      {...named}
      {...invalid}
      list={list}
      value={draft ?? textOf(value)}
      onChange={(event) => {
        setDraft(event.target.value);
        onChange(read(event.target.value));
      }}
      onBlur={() => setDraft(null)}
    />
  );
}

const numberOr = (text: string): Json => (text !== '' && Number.isFinite(Number(text)) ? Number(text) : text);

const textOf = (value: Json): string => {
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  return value === null || value === undefined || typeof value === 'object' ? '' : String(value);
};
