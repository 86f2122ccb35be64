/** The parts of docs/reproduction.md: sections that are replaced one by one, pictures, tables, verdicts. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { drawFigure, type FigureData, type FigureName } from '@tessera/figures';

export class Report {
  readonly #file: string;
  readonly #pictures: string;

  constructor(file: string, pictures: string) {
    this.#file = file;
    this.#pictures = pictures;
  }

  /** Draws a figure into the pictures' folder. @returns its Markdown: the picture, then its caption */
  async figure<Name extends FigureName>(
    file: string,
    name: Name,
    data: FigureData[Name],
    width = 720,
  ): Promise<string> {
    const drawn = drawFigure(name, data, { width, theme: 'light' });
    await mkdir(this.#pictures, { recursive: true });
    const path = join(this.#pictures, `${file}.svg`);
    await writeFile(path, drawn.svg);
    return `![${file}](${relative(dirname(this.#file), path)})\n\n*${drawn.caption.replaceAll('*', '\\*')}*\n`;
  }

  /** Replaces the section of a number; the others stay. */
  async write(number: number, title: string, body: string): Promise<void> {
    const text = await readFile(this.#file, 'utf8').catch(() => '# Reproduction\n');
    const [head = '', ...sections] = text.split(/^(?=## \d+\. )/m);
    const numbered = new Map(sections.map((section) => [Number(/^## (\d+)/.exec(section)?.[1]), section]));
    numbered.set(number, `## ${number}. ${title}\n\n${body.trim()}\n\n`);
    const ordered = [...numbered].sort(([a], [b]) => a - b).map(([, section]) => section);
    await writeFile(this.#file, `${[head, ...ordered].map((part) => part.trim()).join('\n\n')}\n`);
  }
}

export function markdownTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Within 2%: agrees; within 10%: near; else differs. */
export function verdictOf(ratio: number): string {
  const off = Math.abs(ratio - 1);
  return off <= 0.02 ? 'agrees' : off <= 0.1 ? 'near' : 'differs';
}
