import { activationNames, type TheoryRequest, type TheoryRow } from '@tessera/spec';
import { Option } from 'commander';
import { exitCodes } from '../exit-code.js';
import { numberText } from '../format.js';
import { readAxis, readNumber, readPairs } from '../read-input.js';
import type { AddCommand } from '../run-cli.js';
import type { Session } from '../session.js';
import { type Column, tableText } from '../table.js';

interface TheoryOptions {
  activation: string;
  parameter: string[];
  weightVariance: string;
  biasVariance: string;
}
const collect = (value: string, previous: string[]) => [...previous, value];

/** `tessera theory --activation erf --weight-variance 1.5 --bias-variance 0.05`. */
export const addTheory: AddCommand = (program, action) =>
  program
    .command('theory')
    .summary('mean-field fixed points and depth scales')
    .description('Tell the phase, the fixed points and the depth scales of mean-field theory.')
    .addOption(
      new Option('--activation <name>', 'the activation').choices(activationNames).makeOptionMandatory(),
    )
    .option(
      '--parameter <key=value>',
      'a parameter of the activation; may be given several times',
      collect,
      [],
    )
    .requiredOption('--weight-variance <values>', 'sigma_w^2: 1.5, a list 1,1.5,2 or a range from:to:count')
    .requiredOption('--bias-variance <values>', 'sigma_b^2: likewise')
    .action(action(theory));

async function theory(session: Session, _arguments: string[], options: TheoryOptions) {
  const parameters = Object.entries(readPairs(options.parameter, '--parameter')).map(([key, value]) => [
    key,
    readNumber(value, `--parameter ${key}`),
  ]);
  const request = {
    activation: { name: options.activation, ...Object.fromEntries(parameters) },
    weightVariance: readAxis(options.weightVariance, '--weight-variance'),
    biasVariance: readAxis(options.biasVariance, '--bias-variance'),
  } as TheoryRequest;
  const rows = await session.client.theory(request);
  session.show(rows, () => {
    const warnings = [...new Set(rows.flatMap((row) => row.warnings))];
    return [tableText(columns, rows), ...warnings].join('\n');
  });
  return exitCodes.fine;
}

const number = (title: string, value: (row: TheoryRow) => number | null): Column<TheoryRow> => ({
  title,
  text: (row) => numberText(value(row), 6),
  align: 'right',
});
const columns: Column<TheoryRow>[] = [
  number('sigma_w^2', (row) => row.weightVariance),
  number('sigma_b^2', (row) => row.biasVariance),
  { title: 'phase', text: ({ phase }) => phase },
  number('q*', (row) => row.qStar),
  number('c*', (row) => row.cStar),
  number('chi_1', (row) => row.chi1),
  number('chi_c*', (row) => row.chiC),
  number('xi_1', (row) => row.xi1),
  number('xi_*', (row) => row.xiStar),
  number('xi_c*', (row) => row.xiC),
];
