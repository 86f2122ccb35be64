import { describe, expect, it } from 'vitest';
import { createLogger } from '../src/index.js';

function captured() {
  const lines: Record<string, unknown>[] = [];
  return { lines, destination: { write: (line: string) => void lines.push(JSON.parse(line)) } };
}

describe('the log', () => {
  it('writes one JSON object a line with service, level, time and fields', () => {
    const { lines, destination } = captured();
    const log = createLogger({ service: 'worker', level: 'info', destination });
    log.child({ experiment: 'e1' }).info({ task: '7' }, 'task done');
    log.debug('not at this level');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      service: 'worker',
      level: 'info',
      experiment: 'e1',
      task: '7',
      msg: 'task done',
    });
    expect(new Date(lines[0]?.time as string).getTime()).not.toBeNaN();
  });

  it('keeps passwords out', () => {
    const { lines, destination } = captured();
    const log = createLogger({ service: 'api', level: 'info', destination });
    log.info({ databaseUrl: 'postgres://u:hunter2@h/d', settings: { password: 'hunter2' } }, 'start');
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  it('writes errors with their cause', () => {
    const { lines, destination } = captured();
    const log = createLogger({ service: 'api', level: 'info', destination });
    log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed');
    expect(JSON.stringify(lines[0])).toMatch(/outer.*inner/);
  });
});
