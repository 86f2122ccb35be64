import { describe, expect, it } from 'vitest';
import { dimensionParameter, selectByCoordinate } from '../src/coordinates.js';
import { makeLayout, smallSizes } from './experiment-fixture.js';

const layout = makeLayout(smallSizes);

describe('a coordinate given as text', () => {
  it.each([
    ['weight_variance', '1.6', 1],
    ['weight_variance', '1.50', 0],
    ['weight_variance', '15e-1', 0],
    ['depth', '20', 2],
    ['bias_variance', '-0', 0],
    ['kernel', 'nngp', 1],
    ['time', '8', 1],
    ['diag_reg', '1', 0],
    ['train', '5', 2],
    ['test', '12', 4],
    ['class', '2', 2],
  ])('%s = %s selects position %i', (dimension, text, index) => {
    expect(selectByCoordinate(layout, dimension, text)).toEqual({ index });
  });

  it.each(['1.6000001', '', ' 1.6', '0x1', 'NaN', 'Infinity', '1.6abc'])(
    '%j is matched exactly or listed as a problem',
    (text) => {
      expect(selectByCoordinate(layout, 'weight_variance', text)).toEqual({
        problem: { pointer: '/weightVariance', message: 'is none of the coordinates 1.5, 1.6, 1.7' },
      });
    },
  );

  it('lists a hundred coordinates and says how many there are', () => {
    const many = makeLayout({ ...smallSizes, train: 250 });
    const found = selectByCoordinate(many, 'train', '2');
    const message = 'problem' in found ? found.problem.message : '';
    expect(message).toMatch(/^is none of the coordinates 1, 3, .*, 199, \.\.\. \(250 in all\)$/);
  });
});

it('query parameters are the camelCase of the dimensions', () => {
  const dimensions = ['weight_variance', 'bias_variance', 'depth', 'train', 'train_2', 'diag_reg'];
  expect(dimensions.map(dimensionParameter)).toEqual([
    'weightVariance',
    'biasVariance',
    'depth',
    'train',
    'train2',
    'diagReg',
  ]);
});
