/** The part of JSON Schema that our typebox schemas use, as plain data. */

export interface JsonSchema {
  type?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: readonly unknown[];
  anyOf?: readonly JsonSchema[];
  properties?: Readonly<Record<string, JsonSchema>>;
  required?: readonly string[];
  items?: JsonSchema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
}

/** The values a schema of constants accepts, or null for any other schema. */
export function constantsOf(schema: JsonSchema): readonly unknown[] | null {
  if (schema.enum !== undefined) return schema.enum;
  return schema.const === undefined ? null : [schema.const];
}

export function propertiesOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return schema.properties ?? {};
}

/** The kinds of JSON value a schema without variants can accept. */
export function kindOf(schema: JsonSchema): string {
  const constants = constantsOf(schema);
  if (constants !== null) return typeof constants[0];
  return schema.type === 'integer' ? 'number' : (schema.type ?? 'object');
}

/** The property whose constant tells object variants apart (`name` of activations), or null. */
export function discriminatorOf(variants: readonly JsonSchema[]): string | null {
  const first = variants[0];
  if (first === undefined || variants.length < 2) return null;
  const keys = Object.keys(propertiesOf(first));
  return (
    keys.find((key) => variants.every((variant) => propertiesOf(variant)[key]?.const !== undefined)) ?? null
  );
}

/**
 * The schema of what a request may write: properties that have a default are not required, at any level.
 * Plain JSON Schema, for OpenAPI.
 */
export function inputSchemaOf(schema: JsonSchema): JsonSchema {
  const input: JsonSchema = { ...schema };
  if (schema.anyOf) input.anyOf = schema.anyOf.map(inputSchemaOf);
  if (schema.items) input.items = inputSchemaOf(schema.items);
  if (schema.properties) {
    const entries = Object.entries(schema.properties).map(
      ([key, value]) => [key, inputSchemaOf(value)] as const,
    );
    input.properties = Object.fromEntries(entries);
    input.required = (schema.required ?? []).filter((key) => schema.properties?.[key]?.default === undefined);
  }
  return input;
}
