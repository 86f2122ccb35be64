/** What a JSON schema's variants are, which of them a value is, and a first value of each. */
import { expandAxis, type JsonSchema } from '@tessera/spec';

export type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json };
type Fields = { [key: string]: Json };

export const isFields = (value: Json): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const constantsIn = (schema: JsonSchema): readonly Json[] | null =>
  (schema.enum as readonly Json[] | undefined) ??
  (schema.const === undefined ? null : [schema.const as Json]);

/** One way to write a value: its words, and its schema. */
export interface Variant {
  name: string;
  schema: JsonSchema;
}

/** The variants of a schema: a constant is one by itself; an object is named by its constant or its fields. */
export function variantsOf(schema: JsonSchema): Variant[] {
  return (schema.anyOf ?? [schema]).flatMap((one): Variant[] => {
    const constants = constantsIn(one);
    if (constants) return constants.map((value) => ({ name: String(value), schema: { const: value } }));
    return [{ name: nameOf(one), schema: one }];
  });
}

function nameOf(schema: JsonSchema): string {
  if (schema.type === 'null') return 'none';
  if (schema.type === 'array') return 'a list';
  if (schema.type === 'integer' || schema.type === 'number') return 'a number';
  if (schema.properties) {
    const constant = Object.values(schema.properties).find((property) => property.const !== undefined);
    if (constant) return String(constant.const);
    const [first = '', ...others] = Object.keys(schema.properties);
    return others.length < 3 ? [first, ...others].join(', ') : `${first}, ...`;
  }
  return schema.type ?? 'a value';
}

/** Which variant a value is written as; -1 for none. */
export function variantOf(variants: readonly Variant[], value: Json): number {
  const exact = variants.findIndex(({ schema }) => fits(schema, value));
  if (exact >= 0 || !isFields(value)) {
    // What is being typed is no number yet.
    return exact >= 0 || typeof value !== 'string'
      ? exact
      : variants.findIndex(({ schema }) => schema.type === 'integer' || schema.type === 'number');
  }
  return variants.findIndex(({ schema }) => schema.type === 'object');
}

function fits(schema: JsonSchema, value: Json): boolean {
  const constants = constantsIn(schema);
  if (constants) return constants.includes(value);
  if (schema.type === 'null') return value === null;
  if (schema.type === 'array') return Array.isArray(value);
  if (schema.type === 'integer' || schema.type === 'number') return typeof value === 'number';
  if (schema.properties) {
    if (!isFields(value)) return false;
    const keys = Object.keys(value);
    return (
      keys.every((key) => Object.hasOwn(schema.properties as object, key)) &&
      (schema.required ?? []).every((key) => {
        const constant = schema.properties?.[key]?.const;
        return keys.includes(key) && (constant === undefined || constant === value[key]);
      })
    );
  }
  return typeof value === schema.type;
}

/** A first value of a schema, near to what stood there before. */
export function firstValue(schema: JsonSchema, before: Json = undefined): Json {
  if (schema.default !== undefined) return structuredClone(schema.default) as Json;
  const constants = constantsIn(schema);
  if (constants) return constants[0];
  if (schema.anyOf) return firstValue(schema.anyOf[0] as JsonSchema, before);
  if (schema.type === 'null') return null;
  if (schema.type === 'boolean') return false;
  if (schema.type === 'string') return '';
  if (schema.type === 'array') return Array.isArray(before) ? before : listFrom(before);
  if (schema.type === 'integer' || schema.type === 'number') {
    if (typeof before === 'number') return before;
    return schema.minimum ?? (schema.exclusiveMinimum === undefined ? 1 : schema.exclusiveMinimum + 1);
  }
  const range = rangeFrom(before);
  const old: Fields = isFields(before) ? before : {};
  return Object.fromEntries(
    (schema.required ?? []).map((key) => [
      key,
      key in range
        ? (range as Fields)[key]
        : schema.properties?.[key]?.const !== undefined
          ? (schema.properties[key].const as Json)
          : (old[key] ?? firstValue(schema.properties?.[key] as JsonSchema)),
    ]),
  );
}

/** The values of a range, where they are few. */
function listFrom(before: Json): Json[] {
  if (typeof before === 'number') return [before];
  const range = rangeFrom(before);
  if (!('from' in range)) return [1];
  return expandAxis({ from: range.from as number, to: range.to as number, count: range.count as number }).map(
    (value) => Number(value.toPrecision(6)),
  );
}

function rangeFrom(before: Json): { from?: number; to?: number; count?: number; step?: number } {
  if (Array.isArray(before)) {
    const numbers = before.filter((value): value is number => typeof value === 'number');
    if (numbers.length === 0) return {};
    const from = Math.min(...numbers);
    const to = Math.max(...numbers);
    if (from === to) return { from, to: from + 1, count: 2, step: 1 };
    return {
      from,
      to,
      count: Math.max(2, numbers.length),
      step: (to - from) / (Math.max(2, numbers.length) - 1),
    };
  }
  if (!isFields(before) || typeof before.from !== 'number' || typeof before.to !== 'number') return {};
  const { from, to, count, step } = before;
  if (typeof count === 'number') return { from, to, count, step: (to - from) / Math.max(1, count - 1) };
  if (typeof step === 'number' && step > 0)
    return { from, to, step, count: Math.min(200, Math.floor((to - from) / step + 1e-9) + 1) };
  return { from, to, count: 10, step: (to - from) / 9 };
}

/** A value with the one at `path` changed; undefined takes a field out. */
export function withValue(root: Json, path: readonly string[], value: Json): Json {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const fields: Fields = isFields(root) ? { ...root } : {};
  const changed = withValue(fields[key], rest, value);
  if (changed === undefined) delete fields[key];
  else fields[key] = changed;
  return fields;
}
