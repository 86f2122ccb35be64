/** What a PromQL expression reads: metrics and the labels that are asked of them, by Prometheus' own grammar. */
import { parser } from '@prometheus-io/lezer-promql';

export interface Selector {
  metric: string;
  labels: string[];
}

/**
 * @returns the selectors of an expression, and the labels it groups by or matches on
 * @throws Error for one that is no PromQL
 */
export function readPromql(expression: string): { selectors: Selector[]; grouping: string[] } {
  const selectors: Selector[] = [];
  const grouping: string[] = [];
  const text = (node: { from: number; to: number }) => expression.slice(node.from, node.to);
  parser.parse(expression).iterate({
    enter(node) {
      if (node.type.isError)
        throw new Error(
          `No PromQL at ${node.from}: ${expression.slice(node.from, node.from + 30)} in ${expression}`,
        );
      if (node.name === 'VectorSelector') selectors.push({ metric: '', labels: [] });
      const selector = selectors.at(-1);
      if (node.name === 'Identifier' && node.node.parent?.name === 'VectorSelector' && selector)
        selector.metric = text(node);
      if (node.name === 'LabelName' && node.matchContext(['UnquotedLabelMatcher']))
        selector?.labels.push(text(node));
      if (node.name === 'LabelName' && node.matchContext(['GroupingLabels'])) grouping.push(text(node));
    },
  });
  return { selectors, grouping };
}
