import { Option } from 'commander';
import { UsageError } from '../error-report.js';
import { exitCodes } from '../exit-code.js';
import { costText, planPaper } from '../paper/cost.js';
import type { Scale } from '../paper/experiments.js';
import { Report } from '../paper/report.js';
import { sections } from '../paper/sections.js';
import type { AddCommand } from '../run-cli.js';
import type { Session } from '../session.js';

interface PaperOptions {
  scale: Scale;
  only?: string;
  families: string;
  out: string;
  pictures: string;
  plan?: boolean;
}

const families = ['fcn', 'cnn-flatten', 'cnn-gap'];

/** `tessera paper --only 2,3`: reproduces the paper and writes what came out beside what it claims. */
export const addPaper: AddCommand = (program, action) =>
  program
    .command('paper')
    .summary('reproduce the paper, and report on it')
    .description(
      'Reproduce Xiao, Pennington, Schoenholz (ICML 2020) on CIFAR-10 and write docs/reproduction.md. Experiments that the ' +
        'server holds already are not run again; sections that are not asked for stay as they are.',
    )
    .addOption(
      new Option('--scale <name>', 'laptop: two cores; paper: a cluster')
        .choices(['laptop', 'paper'])
        .default('laptop'),
    )
    .option('--only <numbers>', `sections, such as 1,2; there are ${Object.keys(sections).join(', ')}`)
    .option('--families <names>', 'of fcn, cnn-flatten, cnn-gap', families.join(','))
    .option('--plan', 'tell what each experiment would take, and run nothing')
    .option('--out <file>', 'the report', 'docs/reproduction.md')
    .option('--pictures <folder>', 'where figures go', 'docs/pictures/reproduction')
    .action(action(paper));

async function paper(session: Session, _arguments: string[], options: PaperOptions) {
  const chosen = options.families.split(',');
  const unknown = chosen.find((one) => !families.includes(one));
  if (unknown !== undefined)
    throw new UsageError(`There is no family ${unknown}; there are ${families.join(', ')}.`);
  const numbers = (options.only?.split(',') ?? Object.keys(sections)).map(Number);
  const wanted = numbers.map((number) => {
    const section = sections[number];
    if (section === undefined)
      throw new UsageError(`There is no section ${number}; there are ${Object.keys(sections).join(', ')}.`);
    return { number, section };
  });
  if (options.plan) {
    const names = wanted.flatMap(({ section }) => section.experiments(chosen));
    const costs = await planPaper(session, names, options.scale);
    session.show(costs, () => costText(costs));
    return exitCodes.fine;
  }
  const report = new Report(options.out, options.pictures);
  for (const { number, section } of wanted) {
    const body = await section.write({ session, scale: options.scale, families: chosen, report });
    await report.write(number, section.title, body);
    session.streams.stderr.write(`Section ${number} is in ${options.out}.\n`);
  }
  session.show({ file: options.out, sections: numbers }, () => options.out);
  return exitCodes.fine;
}
