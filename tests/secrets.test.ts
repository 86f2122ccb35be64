/** Whether what must stay secret shows anywhere: in logs, answers, arguments, and in environments that do not need it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startStack, type TestStack } from '@tessera/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';

const marks = { shell: 'mark-of-another-program', key: 'mark-of-a-client-key' };
const guess = `tessera_abcd_${'markofakey'.repeat(5)}`;

let stack: TestStack;
let password: string;
let pids: Record<string, number>;
beforeAll(async () => {
  stack = await startStack({
    env: { SOME_API_TOKEN: marks.shell, TESSERA_KEY: marks.key, TESSERA_LOG_LEVEL: 'debug' },
    readyTimeoutMs: 300_000,
  });
  ({ password } = JSON.parse(readFileSync(join(stack.dataDir, 'postgres.json'), 'utf8')));
  pids = await stack.pids();
}, 320_000);
afterAll(() => stack?.stop());

const answersOf = async (): Promise<string[]> => {
  const requests: [string, RequestInit?][] = [
    ['/v1/experiments', { headers: { authorization: `Bearer ${guess}` } }],
    [
      '/v1/session',
      {
        method: 'POST',
        body: JSON.stringify({ key: guess }),
        headers: { 'content-type': 'application/json' },
      },
    ],
    ['/v1/session', { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } }],
    ['/v1/session', { headers: { cookie: `tessera_session=${guess}` } }],
    ['/v1/experiments/..%2f..%2fpostgres.json'],
    ['/v1/datasets/..%2f..%2fpostgres.json'],
    ['/%2e%2e/postgres.json'],
    ['/metrics'],
    ['/openapi.json'],
  ];
  return Promise.all(
    requests.map(async ([path, init]) => {
      const response = await fetch(`${stack.url}${path}`, init);
      return `${path} ${response.status} ${[...response.headers]} ${await response.text()}`;
    }),
  );
};

/** The processes of the stack and their children, the supervisor apart: the user started that one with those variables. */
function processes(): { pid: number; environment: string; command: string }[] {
  const children = (pid: number): number[] => {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    const own = text === '' ? [] : text.split(' ').map(Number);
    return [...own, ...own.flatMap(children)];
  };
  const of = (pid: number, file: string) =>
    readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', '\n');
  return children(pids.supervisor as number).flatMap((pid) => {
    try {
      return [{ pid, environment: of(pid, 'environ'), command: of(pid, 'cmdline') }];
    } catch {
      return []; // It has just ended.
    }
  });
}

it('no answer, no log and no argument tells a secret', async () => {
  const answers = await answersOf();
  const secrets = [marks.shell, marks.key, password, guess.slice(13)];
  const logs = readdirSync(join(stack.dataDir, 'logs')).map((name) =>
    readFileSync(join(stack.dataDir, 'logs', name), 'utf8'),
  );
  const commands = [pids.supervisor as number, ...processes().map(({ pid }) => pid)].map((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
  );
  expect(logs.join('').length).toBeGreaterThan(500);
  for (const secret of secrets)
    for (const text of [...answers, ...logs, ...commands, stack.output()]) expect(text).not.toContain(secret);
});

it('no process gets a secret that it does not need', () => {
  const running = processes();
  expect(running.length).toBeGreaterThanOrEqual(4);
  for (const { pid, environment, command } of running) {
    expect(environment, command).not.toContain(marks.shell);
    expect(environment, command).not.toContain(marks.key);
    if ([pids.api, pids['worker-1'], pids.aggregator].includes(pid)) expect(environment).toContain(password);
    else expect(environment, command).not.toContain(password);
  }
});
