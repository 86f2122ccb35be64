import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import * as spec from '../src/index.js';
import { smallestSpec } from './valid-spec.js';

const ajv = new Ajv2020({
  strict: true,
  allowUnionTypes: true,
  allErrors: true,
  formats: { 'date-time': true },
});
const examples = [
  'heatmap-fcn',
  'spectrum-fcn',
  'training-fcn',
  'training-cnn',
  'spectrum-cnn-flatten',
  'spectrum-cnn-gap',
];
const example = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../examples/${name}.json`, import.meta.url), 'utf8'));

describe('schemas as OpenAPI publishes them', () => {
  const schemas = Object.entries(spec).filter(([name]) => name.endsWith('Schema') && name !== 'pageSchema');

  it.each(schemas)('%s is valid JSON Schema 2020-12', (_name, schema) => {
    expect(() => ajv.compile(JSON.parse(JSON.stringify(schema)))).not.toThrow();
  });

  it('the input schema accepts what parseSpec accepts, the filled schema what it returns', () => {
    const input = ajv.compile(JSON.parse(JSON.stringify(spec.experimentSpecInputSchema)));
    const filled = ajv.compile(JSON.parse(JSON.stringify(spec.experimentSpecSchema)));
    for (const json of [smallestSpec(), ...examples.map(example)]) {
      expect(input(json), JSON.stringify(input.errors)).toBe(true);
      expect(filled(spec.parseSpec(json)), JSON.stringify(filled.errors)).toBe(true);
      expect(input(spec.parseSpec(json))).toBe(true);
    }
    expect(filled(smallestSpec())).toBe(false);
    expect(input({ ...smallestSpec(), kernels: [] })).toBe(false);
  });

  it('the input schema says every default', () => {
    const { properties } = JSON.parse(JSON.stringify(spec.experimentSpecInputSchema));
    expect(properties.tileSize.default).toBe('auto');
    expect(properties.kernels.default).toEqual(['ntk']);
    expect(properties.dataset.properties.test.default).toBe(0);
    expect(properties.dataset.required).toEqual(['id', 'train']);
    expect(properties.analysis.properties.dynamics.anyOf[0].properties.learningRate.default).toBe('max');
  });
});

it.each(examples)('examples/%s.json parses', (name) => {
  expect(() => spec.parseSpec(example(name))).not.toThrow();
});
