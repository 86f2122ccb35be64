/**
 * The dashboards as Grafana reads them.
 *
 *     npx tsx infra/grafana/dashboards.ts      # writes infra/grafana/dashboards/*.json
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { database } from './boards/database.js';
import { experiments } from './boards/experiments.js';
import { overview } from './boards/overview.js';
import { queue } from './boards/queue.js';
import { workers } from './boards/workers.js';

/** File name to dashboard. */
export const dashboards = Object.fromEntries(
  Object.entries({ overview, queue, workers, experiments, database }).map(([name, builder]) => [
    `${name}.json`,
    builder.build(),
  ]),
);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, dashboard] of Object.entries(dashboards))
    writeFileSync(new URL(`dashboards/${name}`, import.meta.url), `${JSON.stringify(dashboard, null, 2)}\n`);
}
