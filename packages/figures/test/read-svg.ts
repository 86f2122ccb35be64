/** Looks into a figure's SVG the way its marks are written. */
const groupOf = (svg: string, name: string): string[] =>
  [...svg.matchAll(new RegExp(`<g class="${name}"[^>]*>(.*?)</g>`, 'gs'))].map((match) => match[1] as string);

/** The rectangles of every map. */
export const cellsOf = (svg: string) =>
  groupOf(svg, 'cells').flatMap((inner) => inner.match(/<rect /g) ?? []);

/** Texts as a reader hears them. */
export const textsOf = (svg: string) =>
  [...svg.matchAll(/<text ([^>]*)>(.*?)<\/text>/gs)].map(
    ([, attributes, inner]) =>
      /aria-label="([^"]*)"/.exec(attributes as string)?.[1] ?? (inner as string).replace(/<[^>]*>/g, ''),
  );

/** Points of the paths in the groups of a name, in order. */
export function pathPoints(svg: string, name: string): [number, number][] {
  return groupOf(svg, name)
    .flatMap((inner) => [...inner.matchAll(/<path d="([^"]*)"/g)].map((match) => match[1] as string))
    .flatMap((d) =>
      [...d.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map(
        (match) => [Number(match[1]), Number(match[2])] as [number, number],
      ),
    );
}
