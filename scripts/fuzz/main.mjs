/**
 * `npm run fuzz [-- --requests N --seed S]`: requests made from the OpenAPI document and by a mutator, against a stack of its own
 * that asks for keys. Fails on a status of 500, an answer outside the document, an API that grows, experiments that do not end, and
 * anything half-written (half-written.mjs). Schemathesis (PyPI, in a virtual environment under .cache) makes as many again where Python is there.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { removeDataFolder, runningPostgres } from '@tessera/embedded';
import { startStack } from '@tessera/testkit';
import pg from 'pg';
import { checkHalfWritten } from './half-written.mjs';
import { randomOf } from './mutate.mjs';
import { requestMaker } from './requests.mjs';
import { answerChecker } from './schema-check.mjs';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    schemathesis: { type: 'string', default: '4.32.5' },
    'without-schemathesis': { type: 'boolean', default: false },
  },
});
const [count, seed] = [Number(values.requests), Number(values.seed)];
const say = (line) => process.stderr.write(`${line}\n`);
const root = fileURLToPath(new URL('../../', import.meta.url));

const dataDir = mkdtempSync(join(tmpdir(), 'tessera-fuzz-'));
const key = `tessera_fuzz_${'0123456789abcdef'.repeat(4)}`;
writeFileSync(join(dataDir, 'first-key'), key, { mode: 0o600 });
const stack = await startStack({
  dataDir,
  workers: 1,
  readyTimeoutMs: 300_000,
  env: {
    TESSERA_AUTH: 'required',
    TESSERA_FIRST_KEY_FILE: join(dataDir, 'first-key'),
    TESSERA_RATE_LIMIT: '0',
  },
});
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => void stack.stop().then(() => process.exit(130)));

const agent = new Agent({ keepAlive: true, maxSockets: 8 });
/** Findings by what and where. @type {Map<string, { count: number, first: string }>} */
const findings = new Map();
const found = (what, example) => {
  const known = findings.get(what);
  if (known) known.count++;
  else findings.set(what, { count: 1, first: example });
};

let isFine = false;
try {
  const document = JSON.parse((await send({ method: 'GET', url: '/openapi.json', headers: {} })).text);
  const { api } = await stack.pids();
  await sleep(1000);
  const statuses = await mutatorRun(document, api);
  const looked = [await checkWhatIsLeft()];
  const theirs = values['without-schemathesis'] ? null : await schemathesisRun();
  if (theirs !== null) looked.push(await checkWhatIsLeft());
  const { api: apiNow } = await stack.pids();
  if (apiNow !== api) found('the API ended and was started again', lastWordsOfApi());
  console.log(`\n| status | answers |\n|---|---|`);
  for (const [status, n] of [...statuses].sort()) console.log(`| ${status} | ${n} |`);
  if (theirs !== null) console.log(`\nSchemathesis: ${theirs}`);
  for (const text of looked) console.log(`\nDatabase and store compared: ${text}.`);
  console.log(`\nSeed ${seed}: ${findings.size === 0 ? 'no findings.' : `${findings.size} findings:`}`);
  for (const [what, { count: times, first }] of findings) console.log(`- ${times} x ${what}\n    ${first}`);
  isFine = findings.size === 0;
} finally {
  agent.destroy();
  await stack.stop();
  await removeDataFolder(dataDir);
}
process.exitCode = isFine ? 0 : 1;

/** Our own: every operation, changed bodies and parameters, each answer checked by the document. */
async function mutatorRun(document, pid) {
  const random = randomOf(seed);
  const check = answerChecker(document);
  const ids = [];
  const archives = [];
  const make = requestMaker(document, random, ids, archives);
  const statuses = new Map();
  let sent = 0;
  let bytesBefore = null;
  const client = async () => {
    while (sent < count) {
      const number = ++sent;
      const made = make();
      const answer = await send(made).catch((error) => ({ status: 0, type: '', text: String(error) }));
      const status = made.isCutOff && answer.status === 0 ? 'cut off by the client' : answer.status;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (made.isCutOff) continue;
      const example = () =>
        `${made.method} ${made.url} ${String(made.body ?? '').slice(0, 300)} -> ${answer.status} ${answer.text.slice(0, 200)}`;
      if (answer.status === 500 || (answer.status === 0 && !(await wasDeleted(made))))
        found(`${made.method} ${made.path}: ${answer.status}`, example());
      // What the router refuses (a path that is no path any more) is of no operation.
      else if (answer.status !== 0 && !isOfNoOperation(made, answer)) {
        const wrong = made.method === 'HEAD' ? null : check(made.path, made.method, answer);
        if (wrong !== null) found(`${made.method} ${made.path}: ${wrong}`, example());
      }
      if (made.method === 'POST' && made.path === '/v1/experiments' && answer.status === 202) {
        ids.push(JSON.parse(answer.text).id);
        if (ids.length > 50) ids.shift();
      }
      if (answer.status === 200 && answer.type === 'application/x-tar') {
        archives.push(answer.bytes);
        if (archives.length > 5) archives.shift();
      }
      // Of what was deleted some are asked for again.
      if (made.method === 'DELETE' && answer.status === 204 && number % 5 !== 0)
        ids.splice(0, ids.length, ...ids.filter((id) => !made.url.includes(id)));
      if (number % 2000 === 0 && existsSync(`/proc/${pid}`)) {
        const mebibytes = residentMebibytes(pid);
        say(`${number} requests, API ${mebibytes.toFixed(0)} MiB`);
        // The heap grows to its working size first.
        if (number >= count / 2) bytesBefore ??= mebibytes;
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  const after = existsSync(`/proc/${pid}`) ? residentMebibytes(pid) : 0;
  if (bytesBefore !== null && after > 1.3 * bytesBefore + 50)
    found(
      'the API grows',
      `${bytesBefore.toFixed(0)} MiB after half of the requests, ${after.toFixed(0)} MiB after all`,
    );
  return statuses;
}

/** A stream breaks off when another client deletes what it is of: its head has been sent. */
async function wasDeleted({ url }) {
  const experiment = /^\/v1\/experiments\/[^/?]+(?=\/)/.exec(url)?.[0];
  return (
    experiment !== undefined && (await send({ method: 'GET', url: experiment, headers: {} })).status === 404
  );
}

/** What the router refuses (a path that is no path any more). */
function isOfNoOperation({ url, path }, { status, text }) {
  const isOtherPath = url.split('?')[0].split('/').length !== path.split('/').length;
  return (
    (isOtherPath && [400, 404, 405].includes(status)) ||
    (status === 404 && text.includes('There is nothing at'))
  );
}

async function schemathesisRun() {
  const venv = join(root, '.cache/fuzz');
  const program = join(venv, 'bin/schemathesis');
  if (!existsSync(program)) {
    await mkdir(join(root, '.cache'), { recursive: true });
    say(`Installing schemathesis ${values.schemathesis} into .cache/fuzz ...`);
    if ((await run('python3', ['-m', 'venv', venv])).code !== 0)
      return leftOutText('python3 with venv is missing');
    const pip = await run(join(venv, 'bin/pip'), [
      'install',
      '--quiet',
      `schemathesis==${values.schemathesis}`,
    ]);
    if (pip.code !== 0) return leftOutText('schemathesis could not be installed');
  }
  // Python's expressions know no classes of characters by name: the same ones by number.
  const { text } = await send({ method: 'GET', url: '/openapi.json', headers: {} });
  const file = join(dataDir, 'openapi.json');
  writeFileSync(file, text.replaceAll(String.raw`\\p{Cc}\\p{Cs}`, String.raw`\\x00-\\x1f\\x7f-\\x9f`));
  const examples = Math.max(20, Math.round(count / 60));
  const { code, output } = await run(program, [
    ...['run', file, '--url', stack.url, '--header', `Authorization: Bearer ${key}`],
    ...[
      '--checks',
      'not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance',
    ],
    ...[
      '--phases',
      'examples,coverage,fuzzing',
      '--mode',
      'all',
      '--max-examples',
      String(examples),
      '--seed',
      String(seed),
    ],
    ...[
      '--exclude-path-regex',
      'events$|^/v1/session|^/v1/keys/|^/metrics|^/v1/restore',
      '--workers',
      '2',
      '--request-timeout',
      '60',
      // It seldom finds names of data sets; the mutator does.
      '--suppress-health-check',
      'filter_too_much',
      '--no-color',
    ],
  ]);
  writeFileSync(join(root, '.cache/fuzz-schemathesis.log'), output);
  const tested = /Test cases:[\s\S]*?(\d[\d,]*) generated/.exec(output)?.[1] ?? 'an unknown number of';
  if (code !== 0)
    found('schemathesis found something', `see .cache/fuzz-schemathesis.log: ${output.slice(-600)}`);
  return `${tested} test cases, ${code === 0 ? 'nothing found' : 'findings'}.`;
}

function leftOutText(reason) {
  if (process.env.CI === 'true') found('schemathesis was left out', reason);
  return `left out: ${reason}.`;
}

/** Every experiment ends, and then database and store agree. @returns what was compared */
async function checkWhatIsLeft() {
  await checkThatAllEnded();
  const pool = new pg.Pool({ connectionString: await runningPostgres(dataDir), max: 1 });
  try {
    const { problems, looked } = await checkHalfWritten(pool, dataDir);
    for (const { what, example } of problems) found(`half-written: ${what}`, example);
    return looked;
  } finally {
    await pool.end();
  }
}

/** Every experiment that was acknowledged ends, and none by a fault. */
async function checkThatAllEnded() {
  const deadline = performance.now() + 300_000;
  for (;;) {
    const open = [];
    for (const state of ['queued', 'running', 'cancelling'])
      open.push(
        ...JSON.parse(
          (await send({ method: 'GET', url: `/v1/experiments?state=${state}&limit=1000`, headers: {} })).text,
        ).items,
      );
    if (open.length === 0) break;
    if (performance.now() > deadline) {
      found('experiments that do not end', `${open.length}, first ${open[0].id} ${open[0].state}`);
      for (const { id } of open)
        await send({ method: 'POST', url: `/v1/experiments/${id}/cancel`, headers: {} });
      break;
    }
    await sleep(1000);
  }
  const failed = JSON.parse(
    (await send({ method: 'GET', url: '/v1/experiments?state=failed&limit=1000', headers: {} })).text,
  ).items;
  for (const { id, error, spec } of failed)
    if (error?.code === 'internal')
      found('an accepted experiment failed by a fault', `${id} ${error.message} ${JSON.stringify(spec)}`);
}

function send({ method, url, headers, body, isCutOff = false }) {
  const length = isCutOff ? { 'content-length': Buffer.byteLength(body) } : {};
  return new Promise((resolve, reject) => {
    const sent = request(
      `${stack.url}${url}`,
      { method, agent, headers: { authorization: `Bearer ${key}`, ...length, ...headers }, timeout: 60_000 },
      (response) => {
        const pieces = [];
        response.on('data', (piece) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(pieces);
          const { statusCode: status, headers: told } = response;
          resolve({ status, type: told['content-type'] ?? '', bytes, text: bytes.toString() });
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer within 60 s')));
    sent.on('error', reject);
    if (!isCutOff) return sent.end(body);
    const whole = Buffer.from(body);
    sent.write(whole.subarray(0, whole.length >> 1), () => sent.destroy(new Error('cut off')));
  });
}

/** What is no line of its log as JSON: what Node prints of what nobody caught; and lines of the level "fatal". */
function lastWordsOfApi() {
  const lines = readFileSync(join(dataDir, 'logs/api.log'), 'utf8').split('\n');
  return lines
    .filter((line) => !line.startsWith('{') || line.includes('fatal'))
    .slice(0, 20)
    .join('\n    ');
}

function residentMebibytes(pid) {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

function run(program, args) {
  return new Promise((resolve) => {
    // In the run's own folder: schemathesis keeps a memory of what it found where it runs.
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: dataDir });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes) => {
        output += bytes;
      });
    child.on('error', (error) => resolve({ code: -1, output: String(error) }));
    child.on('close', (code) => resolve({ code, output }));
  });
}
