/**
 * Reads a JSON value by a schema: collects every problem with its pointer, fills defaults, keeps known
 * fields only. A union is read by the one variant the value was meant for, so that a message is about that
 * variant and not about all of them.
 */
import type { Problem } from './errors.js';
import { expectedText } from './expected-text.js';
import { constantsOf, discriminatorOf, type JsonSchema, kindOf, propertiesOf } from './json-schema.js';
import { childPointer, fieldName, jsonKind, orList, valueText } from './json-text.js';
import { nearestName } from './nearest-name.js';

/** Problems of one list's items, or of one object's unknown fields, told one by one; the rest are counted. */
const toldProblems = 20;

/** Thrown away wherever a problem was recorded: never reaches a caller that looks at the problems first. */
const unreadable: unknown = undefined;

/**
 * The value with defaults filled in. Where `problems` has grown, the result is not to be used.
 *
 * @param schema a schema made of objects, lists, unions, constants, numbers, strings, booleans and null
 * @param pointer where `value` lies in the request
 */
export function readValue(schema: JsonSchema, value: unknown, pointer: string, problems: Problem[]): unknown {
  const report = (message: string) => {
    problems.push({ pointer, message: `${fieldName(pointer)} ${message}` });
    return unreadable;
  };
  if (schema.anyOf) return readUnion(schema, value, pointer, problems);
  const constants = constantsOf(schema);
  if (constants !== null) {
    if (constants.includes(value)) return value;
    const nearest = typeof value === 'string' ? nearestName(value, constants.map(String)) : null;
    return report(`is ${valueText(value)}; write ${expectedText(schema)}${didYouMean(nearest)}`);
  }
  if (jsonKind(value) !== kindOf(schema)) return report(mismatch(schema, value));
  switch (schema.type) {
    case 'number':
    case 'integer':
      return readNumber(schema, value as number, report);
    case 'string':
      return readString(schema, value as string, report);
    case 'array':
      return readList(schema, value as unknown[], pointer, problems, report);
    case 'object':
      return readObject(schema, value as object, pointer, problems);
    default:
      return value;
  }
}

type Report = (message: string) => unknown;

function mismatch(schema: JsonSchema, value: unknown): string {
  const number = typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value));
  return `is ${valueText(value)}; write ${expectedText(schema)}${number ? ', without quotes' : ''}.`;
}

const didYouMean = (nearest: string | null) => (nearest === null ? '.' : `; did you mean "${nearest}"?`);

function readNumber(schema: JsonSchema, value: number, report: Report): unknown {
  if (!Number.isFinite(value)) return report(`is not a finite number; write ${expectedText(schema)}.`);
  const isTooLow =
    (schema.minimum !== undefined && value < schema.minimum) ||
    (schema.exclusiveMinimum !== undefined && value <= schema.exclusiveMinimum);
  const isTooHigh = schema.maximum !== undefined && value > schema.maximum;
  const isBroken = schema.type === 'integer' && !Number.isInteger(value);
  if (isTooHigh && !isBroken) return report(`is ${value}; the largest allowed is ${schema.maximum}.`);
  if (isTooLow || isTooHigh || isBroken) return report(`is ${value}; write ${expectedText(schema)}.`);
  return value === 0 ? 0 : value; // -0 reads as 0
}

function readString(schema: JsonSchema, value: string, report: Report): unknown {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = schema;
  const length = value.length > 4 * maxLength ? value.length : [...value].length;
  if (length < minLength || (minLength > 0 && value.trim() === '')) {
    return report(`is empty; write ${minLength} to ${maxLength} characters.`);
  }
  if (length > maxLength) return report(`has ${length} characters; write at most ${maxLength}.`);
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) {
    return report(
      `is ${valueText(value)}; write ${schema.description ?? `a string that matches ${pattern}`}.`,
    );
  }
  return value;
}

function readList(
  schema: JsonSchema,
  value: unknown[],
  pointer: string,
  problems: Problem[],
  report: Report,
): unknown {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  if (value.length < minItems) {
    const least = minItems === 1 ? 'at least one value' : `at least ${minItems} values`;
    return report(`is ${valueText(value)}; write ${expectedText(schema)}, ${least}.`);
  }
  if (value.length > maxItems) return report(`has ${value.length} items; write at most ${maxItems}.`);
  const found: Problem[] = [];
  const seen = new Map<unknown, number>();
  const items: unknown[] = [];
  for (let i = 0; i < value.length; i++) {
    const before = found.length;
    const item = readValue(schema.items as JsonSchema, value[i], childPointer(pointer, i), found);
    items.push(item);
    if (schema.uniqueItems !== true || found.length > before) continue;
    const first = seen.get(item);
    if (first === undefined) seen.set(item, i);
    else {
      const at = childPointer(pointer, i);
      const message = `${fieldName(at)} is ${JSON.stringify(item)} again, as ${fieldName(childPointer(pointer, first))}; write each once.`;
      found.push({ pointer: at, message });
    }
  }
  problems.push(...found.slice(0, toldProblems));
  if (found.length > toldProblems) report(`has ${found.length - toldProblems} more items with problems.`);
  return items;
}

function readObject(schema: JsonSchema, value: object, pointer: string, problems: Problem[]): unknown {
  const properties = propertiesOf(schema);
  reportUnknownFields(Object.keys(properties), value, pointer, problems);
  const filled: Record<string, unknown> = {};
  for (const [key, property] of Object.entries(properties)) {
    const at = childPointer(pointer, key);
    const given = ownValue(value, key);
    if (given !== undefined) filled[key] = readValue(property, given, at, problems);
    else if (property.default !== undefined)
      filled[key] = readValue(property, property.default, at, problems);
    else
      problems.push({
        pointer: at,
        message: `${fieldName(at)} is required; write ${expectedText(property)}.`,
      });
  }
  return filled;
}

/** Only what the request itself wrote: `constructor` and the like are not looked up the prototype. */
function ownValue(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}

function reportUnknownFields(
  known: readonly string[],
  value: object,
  pointer: string,
  problems: Problem[],
): void {
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  for (const key of unknown.slice(0, toldProblems)) {
    const at = childPointer(pointer, key);
    const nearest = nearestName(key, known);
    const fix = nearest === null ? `; leave it out (known here: ${known.join(', ')}).` : didYouMean(nearest);
    problems.push({ pointer: at, message: `${fieldName(at)} is not a field${fix}` });
  }
  if (unknown.length > toldProblems) {
    const message = `${fieldName(pointer)} has ${unknown.length - toldProblems} more unknown fields.`;
    problems.push({ pointer, message });
  }
}

function readUnion(schema: JsonSchema, value: unknown, pointer: string, problems: Problem[]): unknown {
  const variants = schema.anyOf as readonly JsonSchema[];
  const kind = jsonKind(value);
  const objects = variants.filter((variant) => kindOf(variant) === 'object');
  const discriminator = discriminatorOf(objects);
  if (kind === 'object' && objects.length > 1) {
    return discriminator === null
      ? readByFields(objects, value as object, pointer, problems)
      : readByDiscriminator(objects, discriminator, value as object, pointer, problems);
  }
  const fitting = variants.filter((variant) => kindOf(variant) === kind);
  const variant = fitting.find((candidate) => constantsOf(candidate)?.includes(value)) ?? fitting[0];
  if (variant !== undefined && (fitting.length > 1 || constantsOf(variant)?.includes(value) !== false)) {
    return readValue(variant, value, pointer, problems);
  }
  const isName =
    discriminator !== null && objects.some((o) => propertiesOf(o)[discriminator]?.const === value);
  const message = isName
    ? `is ${valueText(value)}; write {"${discriminator}": ${JSON.stringify(value)}, ...its parameters}.`
    : mismatch(schema, value);
  problems.push({ pointer, message: `${fieldName(pointer)} ${message}` });
  return unreadable;
}

function readByDiscriminator(
  variants: readonly JsonSchema[],
  discriminator: string,
  value: object,
  pointer: string,
  problems: Problem[],
): unknown {
  const name = ownValue(value, discriminator);
  const variant = variants.find((candidate) => propertiesOf(candidate)[discriminator]?.const === name);
  if (variant !== undefined) return readValue(variant, value, pointer, problems);
  const names = variants.map((candidate) => propertiesOf(candidate)[discriminator]?.const as string);
  const nearest = typeof name === 'string' ? nearestName(name, names) : null;
  const at = childPointer(pointer, discriminator);
  const what = name === undefined ? 'is required' : `is ${valueText(name)}`;
  const message = `${fieldName(at)} ${what}; write one of ${names.join(', ')}${didYouMean(nearest)}`;
  problems.push({ pointer: at, message });
  return unreadable;
}

/** Object variants told apart by the fields only they have: `count` or `step`, `offset, count` or `indices`. */
function readByFields(
  variants: readonly JsonSchema[],
  value: object,
  pointer: string,
  problems: Problem[],
): unknown {
  const all = [...new Set(variants.flatMap((variant) => Object.keys(propertiesOf(variant))))];
  const isShared = (key: string) => variants.every((variant) => Object.hasOwn(propertiesOf(variant), key));
  const meant = variants.filter((variant) =>
    Object.keys(propertiesOf(variant)).some((key) => !isShared(key) && ownValue(value, key) !== undefined),
  );
  if (meant.length === 1) return readValue(meant[0] as JsonSchema, value, pointer, problems);
  reportUnknownFields(all, value, pointer, problems);
  const forms = orList(variants.map((variant) => expectedText(variant)));
  const own = orList(all.filter((key) => !isShared(key)));
  const what = meant.length === 0 ? `needs ${own}` : `mixes two forms`;
  problems.push({ pointer, message: `${fieldName(pointer)} ${what}; write ${forms}.` });
  for (const key of all.filter((shared) => isShared(shared))) {
    const given = ownValue(value, key);
    const at = childPointer(pointer, key);
    if (given !== undefined)
      readValue(propertiesOf(variants[0] as JsonSchema)[key] as JsonSchema, given, at, problems);
  }
  return unreadable;
}
