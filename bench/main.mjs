/**
 * `npm run bench -- gpu [--json FILE]` measures the OpenCL engine on its first device (gpu.mjs), without bars.
 * `npm run bench [-- PART ...] [-- --json FILE]`: measures the rows of docs/performance.md against their references,
 * prints a table, and writes it as JSON. Exit code 1 where a bar is missed or a row could not be measured.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { bootstrap } from '../scripts/bootstrap.mjs';
import { markdown, table } from './report.mjs';
import { chooseRows, rows } from './rows.mjs';

const usage = `npm run bench [-- PART ... --json FILE]
  PART         a row's id, or the beginning of the ids of several; none: every row
  gpu          alone: the OpenCL engine on its first device, beside what that device can do
  --json FILE  writes {machine, rows} too
  --markdown   prints the table as docs/performance.md has it
  --list       names the rows and measures nothing`;

const { parts, json, list, asMarkdown } = readArguments();
const isGpu = parts.length === 1 && parts[0] === 'gpu';
const { chosen, unknown } = chooseRows(isGpu ? [] : parts);
if (unknown.length > 0) {
  console.error(`No row begins with ${unknown.join(', ')}. The rows: ${rows.map(({ id }) => id).join(', ')}`);
  process.exit(2);
}
if (list) {
  for (const { id, what } of chosen) console.log(`${id}  ${what}`);
  process.exit(0);
}
try {
  await bootstrap();
} catch (error) {
  console.error(error.name === 'StartError' ? error.message : error);
  process.exit(1);
}
if (isGpu) {
  const { gpuTable, runGpuBench } = await import('./gpu.mjs');
  const report = await runGpuBench((line) => console.error(line));
  console.log(`\n${gpuTable(report)}`);
  if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
  process.exit(0);
}
const started = performance.now();
const { runBench } = await import('./bench.mjs');
const report = await runBench(chosen, ({ id, ratio, note }) =>
  console.error(`${id}: ${ratio === null ? note : ratio.toFixed(2)}`),
);
console.log(`\n${describe(report.machine)}\n`);
console.log(asMarkdown ? markdown(report.rows) : table(report.rows));
const missed = report.rows.filter(({ met }) => !met).length;
const minutes = ((performance.now() - started) / 60_000).toFixed(1);
console.log(`\n${report.rows.length - missed} of ${report.rows.length} bars met, in ${minutes} min`);
if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
process.exit(missed === 0 ? 0 : 1);

function readArguments() {
  try {
    // npm hands a second `--` on.
    const args = process.argv.slice(2).filter((argument) => argument !== '--');
    const flag = { type: 'boolean' };
    const options = { json: { type: 'string' }, list: flag, markdown: flag, help: flag };
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    const { json, list = false, markdown: asMarkdown = false } = values;
    return { parts: positionals, json, list, asMarkdown };
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}

function describe(machine) {
  const { cpu, cores, memoryGiB, node, instructionSet, jax, neuralTangents, images } = machine;
  const peer = neuralTangents === undefined ? '' : `, neural-tangents ${neuralTangents} on jax ${jax}`;
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${instructionSet}, Node ${node}${peer}, images: ${images}`;
}
