/** infra/grafana and infra/prometheus against the metrics that the code exports, and the runbook. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createMetrics } from '@tessera/telemetry';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { dashboards } from '../infra/grafana/dashboards.js';
import { findProgram } from '../scripts/bootstrap/programs.mjs';
import { readText, repository } from './compose-file.js';
import { readPromql } from './promql.js';

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; runbook: string };
}
const alertsText = await readText('infra/prometheus/alerts.yml');
const { groups } = parse(alertsText) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap(({ rules }) => rules);
const promtool = findProgram('promtool');

/** Series name to the labels that the code gives it. */
const exported = new Map<string, readonly string[]>([['up', []]]);
for (const metric of createMetrics().registry.getMetricsAsArray()) {
  // prom-client keeps what its types do not tell.
  const { name, type, labelNames } = metric as unknown as {
    name: string;
    type: string;
    labelNames: string[];
  };
  if (type !== 'histogram') exported.set(name, labelNames);
  else for (const part of ['bucket', 'count', 'sum']) exported.set(`${name}_${part}`, [...labelNames, 'le']);
}
/** What Prometheus adds (infra/prometheus/prometheus.yml, the chart's ServiceMonitors). */
const added = ['stack', 'job', 'instance'];

function expectKnown(expression: string): void {
  const { selectors, grouping } = readPromql(expression);
  expect(selectors.length, expression).toBeGreaterThan(0);
  for (const { metric, labels } of selectors) {
    expect([...exported.keys()], expression).toContain(metric);
    expect([...(exported.get(metric) ?? []), ...added], expression).toEqual(expect.arrayContaining(labels));
  }
  const possible = selectors.flatMap(({ metric }) => exported.get(metric) ?? []);
  expect([...possible, ...added], expression).toEqual(expect.arrayContaining(grouping));
}

interface Target {
  expr: string;
  legendFormat: string;
}
interface DashboardPanel {
  title: string;
  description: string;
  datasource: { uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets: Target[];
}

it('every dashboard is committed as its code builds it', async () => {
  const files = await readdir(`${repository}infra/grafana/dashboards`);
  expect(files.sort()).toEqual(Object.keys(dashboards).sort());
  for (const [name, dashboard] of Object.entries(dashboards)) {
    const committed = JSON.parse(await readText(`infra/grafana/dashboards/${name}`));
    expect(committed, 'npx tsx infra/grafana/dashboards.ts').toEqual(JSON.parse(JSON.stringify(dashboard)));
  }
});

it.each(Object.keys(dashboards))('%s asks only for series and labels that the code exports', (name) => {
  const { panels } = JSON.parse(JSON.stringify(dashboards[name])) as { panels: DashboardPanel[] };
  expect(panels.length).toBeGreaterThan(5);
  for (const { title, description, datasource, gridPos, targets } of panels) {
    expect(description, title).toMatch(/\.$/);
    expect(datasource.uid).toBe('$datasource');
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    for (const { expr, legendFormat } of targets) {
      const filled = expr.replaceAll('$__rate_interval', '5m');
      expectKnown(filled);
      const { selectors, grouping } = readPromql(filled);
      for (const { labels } of selectors) expect(labels, expr).toContain('stack');
      const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]);
      // A legend's label is one that is left: grouped by, or of a bare selector.
      if (grouping.length > 0) expect(grouping, expr).toEqual(expect.arrayContaining(named));
      else for (const label of named) expect(added, expr).toContain(label);
    }
  }
});

it('every alert asks for what is exported, and has its section and its row in the runbook', async () => {
  const runbook = await readText('docs/runbook.md');
  for (const { alert, expr, labels, annotations } of rules) {
    expectKnown(expr);
    expect(annotations.runbook).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
    expect(runbook).toContain(`\n### ${alert}\n`);
    expect(runbook).toMatch(
      new RegExp(`^\\| \\[${alert}\\]\\(#${alert.toLowerCase()}\\) \\|.*\\| ${labels.severity} \\|$`, 'm'),
    );
  }
  const sections = [...runbook.split('\n## Routine')[0]!.matchAll(/^### (\w+)$/gm)].map((match) => match[1]);
  expect(sections).toEqual(rules.map(({ alert }) => alert));
});

it.skipIf(promtool === null)(
  `alerts go off when they should, and not when not${promtool ? '' : ' (left out: no promtool)'}`,
  async () => {
    const tests = await readText('infra/prometheus/alerts.test.yml');
    for (const { alert } of rules)
      expect(tests).toMatch(new RegExp(`alertname: ${alert}\\s+eval_time: \\w+\\s+exp_alerts:\\s+- `));
    const { stdout } = await promisify(execFile)(promtool as string, ['test', 'rules', 'alerts.test.yml'], {
      cwd: `${repository}infra/prometheus`,
    });
    expect(stdout).toContain('SUCCESS');
  },
);

it('the log lines that the runbook quotes are those that the code writes', async () => {
  const runbook = await readText('docs/runbook.md');
  const quoted = [...runbook.matchAll(/(?:Look for|log for|log's) `([^`]+ [^`]+)`/g)].map(
    (match) => match[1] as string,
  );
  expect(quoted.length).toBeGreaterThan(3);
  const sources = await sourceText();
  for (const text of quoted) expect(sources.includes(text), text).toBe(true);
});

/** Every source of the packages and services, one after the other. */
async function sourceText(): Promise<string> {
  const folders = ['packages', 'services'].map((group) =>
    readdir(`${repository}/${group}`, { withFileTypes: true }),
  );
  const sources = (await Promise.all(folders))
    .flat()
    .map(({ parentPath, name }) => `${parentPath}/${name}/src`);
  const files = await Promise.all(
    sources.map(async (folder) => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
      return entries
        .filter(({ name }) => /\.tsx?$/.test(name))
        .map((entry) => `${entry.parentPath}/${entry.name}`);
    }),
  );
  return (await Promise.all(files.flat().map((file) => readFile(file, 'utf8')))).join('\n');
}
