import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  activationNames,
  type Problem,
  parseSpec,
  parseTheoryRequest,
  specLimits,
  TesseraError,
} from '../src/index.js';
import { smallestSpec, specWith } from './valid-spec.js';

function problemsOf(json: unknown): readonly Problem[] {
  try {
    parseSpec(json);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(TesseraError);
    expect((error as TesseraError).code).toBe('invalid-spec');
    return (error as TesseraError).problems;
  }
}
const pointersOf = (json: unknown) => problemsOf(json).map(({ pointer }) => pointer);

describe('training', () => {
  const trained = (more: object, ...changes: [string, unknown][]) =>
    specWith(['/training', { width: 8, steps: 3, ...more }], ...changes);

  it('fills what a request leaves out', () => {
    expect(parseSpec(trained({})).training).toEqual({
      width: 8,
      steps: 3,
      batch: 'full',
      seeds: 1,
      images: null,
      testImages: null,
      depths: null,
      learningRate: { ofMax: 0.5 },
    });
  });

  it('names the field and the fix of what does not fit the rest of the spec', () => {
    expect(problemsOf(trained({ images: 5, testImages: 1, batch: 6, depths: [1, 7] }))).toEqual([
      {
        pointer: '/training/images',
        message: 'training.images is 5, but dataset.train names 4 images; write at most 4.',
      },
      {
        pointer: '/training/batch',
        message: 'training.batch is 6, but it trains on 4 images; write at most 4.',
      },
      {
        pointer: '/training/testImages',
        message: 'training.testImages is 1, but dataset.test names 0 images; write at most 0.',
      },
      {
        pointer: '/training/depths/1',
        message:
          'training.depths[1] is 7, which grid.depth does not have; write depths of the grid, or leave training.depths out.',
      },
    ]);
    expect(pointersOf(trained({}, ['/kernels', ['nngp']]))).toEqual(['/training/learningRate']);
    expect(pointersOf(trained({}, ['/analysis', { spectrum: 'none' }]))).toEqual(['/training/learningRate']);
    expect(pointersOf(trained({ learningRate: 0.1 }, ['/kernels', ['nngp']]))).toEqual([]);
    expect(pointersOf(trained({ width: 0, steps: 0.5, learningRate: { ofMax: 0 } }))).toEqual([
      '/training/width',
      '/training/steps',
      '/training/learningRate/ofMax',
    ]);
  });
});

describe('defaults', () => {
  it('fill everything a request may leave out', () => {
    expect(parseSpec(smallestSpec())).toEqual({
      name: 'smallest',
      dataset: {
        id: 'cifar10',
        train: 4,
        test: 0,
        seed: null,
        normalization: 'standardize',
        labels: 'centered',
      },
      architecture: { family: 'fcn', activation: { name: 'erf' }, filterSize: 3, padding: 'circular' },
      grid: { weightVariance: [1.5], biasVariance: [0.05], depth: [0, 1] },
      kernels: ['ntk'],
      precision: 'f64',
      tileSize: 'auto',
      analysis: { spectrum: 'full', regression: null, dynamics: null },
      training: null,
      keep: { kernels: 'train', predictions: false },
      numerics: 'pinned',
      priority: 5,
    });
  });

  it('fill each field of an object given in part', () => {
    const spec = parseSpec(
      specWith(
        ['/analysis', { regression: {}, dynamics: { times: [1] } }],
        ['/keep', { predictions: true }],
        ['/dataset/seed', 7],
      ),
    );
    expect(spec.analysis).toEqual({
      spectrum: 'full',
      regression: { diagReg: [0] },
      dynamics: { times: [1], learningRate: 'max' },
    });
    expect(spec.keep).toEqual({ kernels: 'train', predictions: true });
    expect(spec.dataset).toMatchObject({ seed: 7, test: 0, labels: 'centered' });
  });

  it('are not shared between specs', () => {
    const first = parseSpec(smallestSpec());
    first.kernels.push('nngp');
    expect(parseSpec(smallestSpec()).kernels).toEqual(['ntk']);
  });

  it('a filled spec parses to itself, nulls included', () => {
    const filled = parseSpec(smallestSpec());
    expect(parseSpec(JSON.parse(JSON.stringify(filled)))).toEqual(filled);
  });
});

describe('what a spec may say', () => {
  it.each([
    ['/dataset/train', { offset: 5, count: 3 }],
    ['/dataset/train', { indices: [9, 2] }],
    ['/dataset/test', { offset: 5, count: 3 }],
    ['/dataset/seed', 4294967295],
    ['/dataset/seed', null],
    ['/dataset/id', 'My_data.set-2'],
    ['/grid/depth', { from: 0, to: 10, count: 3 }],
    ['/grid/depth', { from: 0, to: 9, step: 2 }],
    ['/grid/depth', [10_000]],
    ['/grid/weightVariance', { from: 0, to: 3, step: 0.01 }],
    ['/kernels', ['nngp', 'ntk']],
    ['/tileSize', 64],
    ['/analysis/dynamics', { times: [0, 8], learningRate: 0.5 }],
    ['/analysis', { spectrum: 'none', dynamics: { times: [1], learningRate: 1 } }],
    ['/analysis', { spectrum: { top: 2 }, regression: {} }],
    ['/analysis/regression', null],
    ['/architecture/activation', { name: 'sin', a: 1, b: 2, c: 3 }],
    ['/architecture/activation', { name: 'tanh' }],
    ['/numerics', 'any'],
    ['/priority', 1],
    ['/priority', 10],
    ['/name', 'σ'.repeat(200)],
    ['/name', '𝜎'.repeat(200)],
  ])('%s: %j', (pointer, value) => {
    expect(problemsOf(specWith([pointer, value]))).toEqual([]);
  });

  it('-0 reads as 0', () => {
    expect(Object.is(parseSpec(specWith(['/grid/biasVariance', [-0]])).grid.biasVariance, [-0])).toBe(false);
    expect(JSON.stringify(parseSpec(specWith(['/grid/biasVariance', [-0]])).grid.biasVariance)).toBe('[0]');
  });
});

describe('what is refused, at its pointer', () => {
  const long = Array.from({ length: specLimits.axisValues + 1 }, (_, i) => i / 100);
  const cases: [pointer: string, value: unknown, at?: string][] = [
    ['/name', undefined],
    ['/name', ''],
    ['/name', '   '],
    ['/name', 'x'.repeat(201)],
    ['/name', 5],
    ['/name', null],
    ['/name', 'a\u0000b'],
    ['/name', 'half a pair \ud800'],
    ['/dataset', undefined],
    ['/dataset', []],
    ['/dataset', 'cifar10'],
    ['/dataset/id', undefined],
    ['/dataset/id', ''],
    ['/dataset/id', '../../etc/passwd'],
    ['/dataset/id', 'a/b'],
    ['/dataset/id', 'a\\b'],
    ['/dataset/id', '.hidden'],
    ['/dataset/id', 'x'.repeat(65)],
    ['/dataset/id', 'name\n'],
    ['/dataset/train', undefined],
    ['/dataset/train', 0],
    ['/dataset/train', -1],
    ['/dataset/train', 1.5],
    ['/dataset/train', '256'],
    ['/dataset/train', null],
    ['/dataset/train', true],
    ['/dataset/train', [1, 2]],
    ['/dataset/train', {}],
    ['/dataset/train', 1e300],
    ['/dataset/train', { offset: 0 }, '/dataset/train/count'],
    ['/dataset/train', { offset: 0, count: 0 }, '/dataset/train/count'],
    ['/dataset/train', { offset: -1, count: 1 }, '/dataset/train/offset'],
    ['/dataset/train', { offset: 0, count: 1, indices: [1] }],
    ['/dataset/train', { indices: [] }, '/dataset/train/indices'],
    ['/dataset/train', { indices: [1, 1] }, '/dataset/train/indices/1'],
    ['/dataset/train', { indices: [1, '2'] }, '/dataset/train/indices/1'],
    ['/dataset/train', { indices: 'all' }, '/dataset/train/indices'],
    ['/dataset/test', -1],
    ['/dataset/test', null],
    ['/dataset/seed', -1],
    ['/dataset/seed', 1.5],
    ['/dataset/seed', 4294967296],
    ['/dataset/seed', '0'],
    ['/dataset/normalization', 'standardise'],
    ['/dataset/labels', 1],
    ['/architecture', undefined],
    ['/architecture/family', undefined],
    ['/architecture/family', 'cnn'],
    ['/architecture/activation', undefined],
    ['/architecture/activation', 'erf'],
    ['/architecture/activation', null],
    ['/architecture/activation', {}, '/architecture/activation/name'],
    ['/architecture/activation', { name: 'softplus' }, '/architecture/activation/name'],
    ['/architecture/activation', { name: ['erf'] }, '/architecture/activation/name'],
    ['/architecture/activation', { name: 'constructor' }, '/architecture/activation/name'],
    ['/architecture/activation', { name: 'leaky-relu' }, '/architecture/activation/alpha'],
    ['/architecture/activation', { name: 'leaky-relu', alpha: '0.1' }, '/architecture/activation/alpha'],
    ['/architecture/activation', { name: 'rbf', gamma: 0 }, '/architecture/activation/gamma'],
    ['/architecture/activation', { name: 'relu', alpha: 1 }, '/architecture/activation/alpha'],
    ['/architecture/filterSize', 2],
    ['/architecture/filterSize', 0],
    ['/architecture/filterSize', 2.5],
    ['/architecture/filterSize', 257],
    ['/architecture/padding', 'valid'],
    ['/grid', undefined],
    ['/grid', null],
    ['/grid/weightVariance', undefined],
    ['/grid/weightVariance', []],
    ['/grid/weightVariance', 1.5],
    ['/grid/weightVariance', {}],
    ['/grid/weightVariance', [-1], '/grid/weightVariance/0'],
    ['/grid/weightVariance', [1, 2, 1], '/grid/weightVariance/2'],
    ['/grid/weightVariance', ['1'], '/grid/weightVariance/0'],
    ['/grid/weightVariance', [null], '/grid/weightVariance/0'],
    ['/grid/weightVariance', [Number.POSITIVE_INFINITY], '/grid/weightVariance/0'],
    ['/grid/weightVariance', [Number.NaN], '/grid/weightVariance/0'],
    ['/grid/weightVariance', [[1]], '/grid/weightVariance/0'],
    ['/grid/weightVariance', long],
    ['/grid/weightVariance', { from: 0, to: 1 }],
    ['/grid/weightVariance', { from: 0, to: 1, count: 2, step: 1 }],
    ['/grid/weightVariance', { from: 1, to: 1, count: 2 }],
    ['/grid/weightVariance', { from: 2, to: 1, step: 0.5 }],
    ['/grid/weightVariance', { from: -1, to: 1, count: 2 }, '/grid/weightVariance/from'],
    ['/grid/weightVariance', { from: 0, to: Number.POSITIVE_INFINITY, count: 2 }, '/grid/weightVariance/to'],
    ['/grid/weightVariance', { from: 0, to: 1, count: 1 }, '/grid/weightVariance/count'],
    ['/grid/weightVariance', { from: 0, to: 1, count: 1e9 }, '/grid/weightVariance/count'],
    ['/grid/weightVariance', { from: 0, to: 1, step: 0 }, '/grid/weightVariance/step'],
    ['/grid/weightVariance', { from: 0, to: 1, step: -1 }, '/grid/weightVariance/step'],
    ['/grid/weightVariance', { from: 0, to: 1, step: 1e-300 }],
    ['/grid/weightVariance', { from: 1e17, to: 1e17 + 64, step: 1 }],
    ['/grid/biasVariance', [-0.1], '/grid/biasVariance/0'],
    ['/grid/depth', []],
    ['/grid/depth', [1.5], '/grid/depth/0'],
    ['/grid/depth', [-1], '/grid/depth/0'],
    ['/grid/depth', [10_001], '/grid/depth/0'],
    ['/grid/depth', [3, 3], '/grid/depth/1'],
    ['/grid/depth', { from: 0, to: 10, count: 4 }],
    ['/grid/depth', { from: 0, to: 1, step: 0.5 }],
    ['/grid/depth', { from: 0, to: 10_001, step: 1 }, '/grid/depth/to'],
    ['/kernels', []],
    ['/kernels', 'ntk'],
    ['/kernels', ['ntk', 'ntk'], '/kernels/1'],
    ['/kernels', ['NTK'], '/kernels/0'],
    ['/kernels', ['ntk', 'nngp', 'ntk']],
    ['/precision', 'f16'],
    ['/tileSize', 0],
    ['/tileSize', 1.5],
    ['/tileSize', '64'],
    ['/tileSize', null],
    ['/analysis', null],
    ['/analysis/spectrum', 'top'],
    ['/analysis/spectrum', 3],
    ['/analysis/spectrum', null],
    ['/analysis/spectrum', {}, '/analysis/spectrum/top'],
    ['/analysis/spectrum', { top: 0 }, '/analysis/spectrum/top'],
    ['/analysis/spectrum', { top: 1.5 }, '/analysis/spectrum/top'],
    ['/analysis/spectrum', { top: 10_001 }, '/analysis/spectrum/top'],
    ['/analysis/spectrum', { top: 1, bottom: 1 }, '/analysis/spectrum/bottom'],
    ['/analysis', { spectrum: { top: 1 }, dynamics: { times: [1] } }, '/analysis/spectrum'],
    ['/analysis', { spectrum: { top: 1 }, dynamics: { times: [1], learningRate: 1 } }, '/analysis/spectrum'],
    ['/analysis/regression', { diagReg: [] }, '/analysis/regression/diagReg'],
    ['/analysis/regression', { diagReg: [-1] }, '/analysis/regression/diagReg/0'],
    ['/analysis/regression', { diagReg: [1, 1] }, '/analysis/regression/diagReg/1'],
    ['/analysis/regression', [0]],
    ['/analysis/dynamics', {}, '/analysis/dynamics/times'],
    ['/analysis/dynamics', { times: [] }, '/analysis/dynamics/times'],
    ['/analysis/dynamics', { times: [-1] }, '/analysis/dynamics/times/0'],
    ['/analysis/dynamics', { times: [8, 8] }, '/analysis/dynamics/times/1'],
    ['/analysis/dynamics', { times: [1], learningRate: 0 }, '/analysis/dynamics/learningRate'],
    ['/analysis/dynamics', { times: [1], learningRate: 'fast' }, '/analysis/dynamics/learningRate'],
    ['/analysis', { spectrum: 'none', dynamics: { times: [1] } }, '/analysis/dynamics/learningRate'],
    ['/keep', true],
    ['/keep/kernels', 'test'],
    ['/keep/predictions', 1],
    ['/numerics', 'exact'],
    ['/priority', 0],
    ['/priority', 11],
    ['/priority', 2.5],
    ['/priority', 'high'],
    ['/kernles', ['ntk']],
    ['/dataset/path', '/tmp'],
    ['/grid/weight_variance', [1]],
    ['/constructor', {}],
    ['/__proto__', { polluted: true }],
    ['/dataset/__proto__', { id: 'x' }],
    ['/architecture/toString', 1],
    ['/a~1b', 1, '/a~01b'],
  ];
  it.each(cases)('%s: %j', (pointer, value, at) => {
    const problems = problemsOf(specWith([pointer, value]));
    expect(problems.map((problem) => problem.pointer)).toEqual([at ?? pointer]);
    const field = (at ?? pointer).split('/').at(-1)?.replace('~01', '~1') as string;
    expect(problems[0]?.message).toContain(/^\d+$/.test(field) ? `[${field}]` : field);
  });

  it.each([null, undefined, 5, 'spec', [], true, Number.NaN, () => 1])(
    'a body that is no object: %s',
    (body) => {
      expect(pointersOf(body)).toEqual(['']);
    },
  );

  it('tanh for the cnn families', () => {
    for (const family of ['cnn-flatten', 'cnn-gap']) {
      const json = specWith(['/architecture/family', family], ['/architecture/activation', { name: 'tanh' }]);
      expect(pointersOf(json)).toEqual(['/architecture/activation']);
    }
  });

  it('every missing parameter of every activation', () => {
    const complete = { alpha: 1, a: 1, b: 1, c: 1, gamma: 1 };
    const needed = activationNames.map((name) => {
      const missing = pointersOf(specWith(['/architecture/activation', { name }]));
      const extra = pointersOf(specWith(['/architecture/activation', { name, ...complete }]));
      expect(missing.length + extra.length).toBe(5);
      return [name, missing.map((pointer) => pointer.split('/').at(-1)).join('')];
    });
    expect(Object.fromEntries(needed)).toMatchObject({
      'leaky-relu': 'alpha',
      abrelu: 'ab',
      sin: 'abc',
      rbf: 'gamma',
      erf: '',
    });
  });
});

describe('messages', () => {
  const messageOf = (json: unknown) => problemsOf(json)[0]?.message;

  it('name the nearest known field or value', () => {
    expect(messageOf(specWith(['/kernles', []]))).toBe('kernles is not a field; did you mean "kernels"?');
    expect(messageOf(specWith(['/grid/weightVarience', []]))).toContain('did you mean "weightVariance"?');
    expect(messageOf(specWith(['/architecture/activation', { name: 'ReLU' }]))).toContain(
      'did you mean "relu"?',
    );
    expect(messageOf(specWith(['/dataset/normalization', 'standardise']))).toContain(
      'did you mean "standardize"?',
    );
  });

  it('say how to write a number that came as a string, and an activation that came as its name', () => {
    expect(messageOf(specWith(['/tileSize', '64']))).toBe(
      'tileSize is the string "64"; write "auto" or a whole number >= 1, without quotes.',
    );
    expect(messageOf(specWith(['/architecture/activation', 'erf']))).toContain('write {"name": "erf"');
  });

  it('say which limit a range passes, and where a depth breaks', () => {
    expect(messageOf(specWith(['/grid/weightVariance', { from: 0, to: 1, step: 1e-6 }]))).toBe(
      'grid.weightVariance has 1000001 values; the limit is 10000: take a larger step.',
    );
    expect(messageOf(specWith(['/grid/depth', { from: 0, to: 10, count: 5 }]))).toContain('comes out as 2.5');
  });

  it('say how many eigenvalues there are, and what a gradient flow needs', () => {
    const top = (count: number, train: unknown, more = {}) =>
      messageOf(specWith(['/analysis', { spectrum: { top: count }, ...more }], ['/dataset/train', train]));
    expect(top(5, 4)).toBe(
      'analysis.spectrum.top is 5, but dataset.train names 4 images, which have 4 eigenvalues; ' +
        'write at most 4, or the spectrum "full".',
    );
    expect(top(3, { offset: 100, count: 2 })).toContain('at most 2');
    expect(top(3, { indices: [7, 9] })).toContain('at most 2');
    expect(top(4, 4)).toBeUndefined();
    expect(top(2, 4, { dynamics: { times: [1] } })).toBe(
      'analysis.spectrum is {"top": 2}, but analysis.dynamics needs every eigenvalue; ' +
        'write the spectrum "full", or leave analysis.dynamics out.',
    );
  });

  it('never carry control characters of the request', () => {
    const text = problemsOf({ '\u001b[31mred': 1, name: '\u001b[2J' })
      .map(({ message }) => message)
      .join('');
    expect(text).not.toMatch(/[\u0000-\u001f]/);
  });
});

describe('many problems', () => {
  it('are told at once', () => {
    const json = specWith(
      ['/name', 1],
      ['/dataset/train', 0],
      ['/architecture/filterSize', 4],
      ['/architecture/activation', { name: 'rbf' }],
      ['/grid/depth', [1.5, 1, 1]],
      ['/grid/weightVariance', { from: 3, to: 1, count: 2 }],
      ['/kernels', []],
      ['/tileSize', 0],
      ['/extra', 1],
    );
    expect(pointersOf(json).sort()).toEqual([
      '/architecture/activation/gamma',
      '/architecture/filterSize',
      '/dataset/train',
      '/extra',
      '/grid/depth/0',
      '/grid/depth/2',
      '/grid/weightVariance',
      '/kernels',
      '/name',
      '/tileSize',
    ]);
  });

  it('of one list or one object are counted after the first twenty', () => {
    const depths = Array.from({ length: 1000 }, () => -1);
    const problems = problemsOf(specWith(['/grid/depth', depths]));
    expect(problems).toHaveLength(21);
    expect(problems.at(-1)).toEqual({
      pointer: '/grid/depth',
      message: 'grid.depth has 980 more items with problems.',
    });
    const unknown = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`field${i}`, i]));
    expect(problemsOf({ ...smallestSpec(), ...unknown })).toHaveLength(21);
  });
});

describe('hostile JSON', () => {
  it('nested deeper than the limit is refused without recursion', () => {
    const nested = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
    expect(pointersOf(specWith(['/extra', nested(200_000)]))).toEqual(['', '/extra']);
  });

  it('with prototype keys changes no prototype', () => {
    const text = JSON.stringify(smallestSpec()).replace(
      '{',
      '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {}},',
    );
    expect(pointersOf(JSON.parse(text))).toEqual(['/__proto__', '/constructor']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('never takes a required field from the prototype', () => {
    expect(pointersOf(Object.create(smallestSpec()))).toEqual([
      '/name',
      '/dataset',
      '/architecture',
      '/grid',
    ]);
  });
});

describe('any JSON', () => {
  const refusedOrFixed = (json: unknown) => {
    try {
      const filled = parseSpec(json);
      expect(parseSpec(JSON.parse(JSON.stringify(filled)))).toEqual(filled);
    } catch (error) {
      expect(error).toBeInstanceOf(TesseraError);
      expect((error as TesseraError).problems.length).toBeGreaterThan(0);
    }
  };

  it('is refused with problems, never with a crash', () => {
    fc.assert(fc.property(fc.oneof(fc.jsonValue(), fc.anything()), refusedOrFixed), { numRuns: 500 });
  });

  it('in any place of a spec is accepted or refused, and what is accepted parses to itself', () => {
    const pointers = [
      ...['/name', '/dataset', '/dataset/id', '/dataset/train', '/dataset/test', '/dataset/seed'],
      ...['/architecture', '/architecture/activation', '/architecture/filterSize', '/grid', '/grid/depth'],
      ...[
        '/grid/weightVariance',
        '/kernels',
        '/tileSize',
        '/analysis',
        '/analysis/regression',
        '/analysis/dynamics',
      ],
      ...['/keep', '/numerics', '/precision', '/other'],
    ];
    const numbers = fc.oneof(fc.integer({ min: -2, max: 20 }), fc.double());
    const value = fc.oneof(
      fc.jsonValue(),
      fc.array(numbers),
      numbers,
      fc.record({ from: numbers, to: numbers, count: numbers, step: numbers }, { requiredKeys: [] }),
      fc.record({ offset: numbers, count: numbers, indices: fc.array(numbers) }, { requiredKeys: [] }),
      fc.record(
        { name: fc.constantFrom(...activationNames), alpha: numbers, a: numbers },
        { requiredKeys: [] },
      ),
      fc.record(
        { times: fc.array(numbers), diagReg: fc.array(numbers), spectrum: fc.string() },
        { requiredKeys: [] },
      ),
    );
    const change = fc.tuple(fc.constantFrom(...pointers), value);
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let json: unknown;
        try {
          json = specWith(...changes);
        } catch {
          return; // a change went below a value that is no object
        }
        refusedOrFixed(json);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('parseTheoryRequest', () => {
  const erf = { name: 'erf' };
  it('takes numbers and axes', () => {
    const request = { activation: erf, weightVariance: 1.5, biasVariance: { from: 0, to: 1, count: 3 } };
    expect(parseTheoryRequest(request)).toEqual(request);
  });

  it.each([
    [{}, ['/activation', '/weightVariance', '/biasVariance']],
    [{ activation: erf, weightVariance: -1, biasVariance: '0' }, ['/weightVariance', '/biasVariance']],
    [
      { activation: erf, weightVariance: { from: 2, to: 1, count: 3 }, biasVariance: [] },
      ['/biasVariance', '/weightVariance'],
    ],
    [[], ['']],
    [{ activation: erf, weightVariance: { from: 2, to: 1, count: 3 }, biasVariance: 0 }, ['/weightVariance']],
    [
      { activation: { name: 'rbf' }, weightVariance: 1, biasVariance: 0, depth: 3 },
      ['/depth', '/activation/gamma'],
    ],
    [
      {
        activation: erf,
        weightVariance: { from: 0, to: 1, count: 9999 },
        biasVariance: { from: 0, to: 1, count: 9999 },
      },
      [''],
    ],
  ])('refuses %j', (json, pointers) => {
    try {
      parseTheoryRequest(json);
      expect.unreachable();
    } catch (error) {
      expect((error as TesseraError).code).toBe('invalid-request');
      expect((error as TesseraError).problems.map(({ pointer }) => pointer)).toEqual(pointers);
    }
  });
});
