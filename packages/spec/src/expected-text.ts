/** What a schema accepts, in words, for messages. */

import { constantsOf, discriminatorOf, type JsonSchema, propertiesOf } from './json-schema.js';
import { orList } from './json-text.js';

/** "a whole number >= 1", "a list of numbers >= 0", ""a" or "b"". */
export function expectedText(schema: JsonSchema, plural = false): string {
  const constants = constantsOf(schema);
  if (constants !== null) {
    return orList(constants.map((constant) => JSON.stringify(constant)));
  }
  if (schema.anyOf) {
    const key = discriminatorOf(schema.anyOf);
    if (key !== null) {
      const names = schema.anyOf.map((variant) => String(propertiesOf(variant)[key]?.const));
      return `{"${key}": ...} with one of ${orList(names)}`;
    }
    return orList(schema.anyOf.map((variant) => expectedText(variant)));
  }
  const noun = (one: string, many: string) => (plural ? many : one);
  switch (schema.type) {
    case 'integer':
      return noun('a whole number', 'whole numbers') + boundsText(schema);
    case 'number':
      return noun('a number', 'numbers') + boundsText(schema);
    case 'string':
      return noun('a string', 'strings');
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'null';
    case 'array':
      return `a list of ${expectedText(schema.items as JsonSchema, true)}`;
    default:
      return `{${Object.entries(propertiesOf(schema)).map(fieldText).join(', ')}}`;
  }
}

/** A field that may be left out has a question mark. */
function fieldText([key, property]: [string, JsonSchema]): string {
  return property.default === undefined ? key : `${key}?`;
}

function boundsText(schema: JsonSchema): string {
  const bounds: string[] = [];
  if (schema.minimum !== undefined) bounds.push(`>= ${schema.minimum}`);
  if (schema.exclusiveMinimum !== undefined) bounds.push(`> ${schema.exclusiveMinimum}`);
  if (schema.maximum !== undefined && schema.maximum < 2 ** 31 - 1) bounds.push(`<= ${schema.maximum}`);
  return bounds.length === 0 ? '' : ` ${bounds.join(' and ')}`;
}
