/** What the dashboards are made of: panels over one Prometheus, for the installation (`stack`) chosen above them. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

const datasource = { type: 'prometheus', uid: '$datasource' };

/** PromQL and what each of its series is called, in Grafana's `{{label}}` notation. */
export type Query = readonly [expr: string, legend: string];

interface Options {
  /** What the panel says, in a sentence. */
  says: string;
  /** Grafana's id of the unit. */
  unit?: string;
}

function targets(queries: readonly Query[]): Builder<ReturnType<DataqueryBuilder['build']>>[] {
  return queries.map(([expr, legend], index) =>
    new DataqueryBuilder()
      .refId(String.fromCharCode(65 + index))
      .datasource(datasource)
      .expr(expr)
      .legendFormat(legend),
  );
}

/** One number, red from `redFrom` on (or up to it, with `redBelow`). An eighth of the width. */
export function number(
  title: string,
  { says, unit = 'short', redFrom, redBelow }: Options & { redFrom?: number; redBelow?: number },
  query: Query,
): Builder<Panel> {
  const steps =
    redBelow !== undefined
      ? [
          { value: null, color: 'red' },
          { value: redBelow, color: 'green' },
        ]
      : [
          { value: null, color: 'green' },
          ...(redFrom === undefined ? [] : [{ value: redFrom, color: 'red' }]),
        ];
  return new StatBuilder()
    .title(title)
    .description(says)
    .datasource(datasource)
    .unit(unit)
    .height(4)
    .span(4)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps as never))
    .targets(targets([query]));
}

/** Lines over time; stacked where the series are parts of one whole. Half of the width. */
export function series(
  title: string,
  { says, unit = 'short', stacked = false }: Options & { stacked?: boolean },
  ...queries: readonly Query[]
): Builder<Panel> {
  const panel = new TimeseriesBuilder()
    .title(title)
    .description(says)
    .datasource(datasource)
    .unit(unit)
    .min(0)
    .height(8)
    .span(12)
    .fillOpacity(stacked ? 30 : 5)
    .targets(targets(queries));
  return stacked ? panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A')) : panel;
}

/** A dashboard with its variables `datasource` and `stack`, and links to its neighbours. */
export function board(uid: string, title: string, panels: readonly Builder<Panel>[]): DashboardBuilder {
  const builder = new DashboardBuilder(`Tessera / ${title}`)
    .uid(`tessera-${uid}`)
    .tags(['tessera'])
    .refresh('30s')
    .time({ from: 'now-3h', to: 'now' })
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder('Tessera')
        .type(DashboardLinkType.Dashboards)
        .tags(['tessera'])
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'))
    .withVariable(
      new QueryVariableBuilder('stack')
        .label('Installation')
        .datasource(datasource)
        .query('label_values(tessera_ready, stack)')
        .refresh(VariableRefresh.OnTimeRangeChanged),
    );
  for (const panel of panels) builder.withPanel(panel);
  return builder;
}
