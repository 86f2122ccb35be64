/** What a page gives to save, read back byte by byte. */
import { readFile } from 'node:fs/promises';
import { inflateSync } from 'node:zlib';
import type { Page } from 'playwright-core';

export const exportKinds = ['SVG', 'PDF, 6.75 in', 'PNG', 'CSV', '.npy'] as const;
export type ExportKind = (typeof exportKinds)[number];

export interface SavedFile {
  name: string;
  bytes: Buffer;
}

/** Saves the figure of this title by its menu. */
export async function saveFigure(page: Page, title: string, kind: ExportKind): Promise<SavedFile> {
  const menu = page.locator('.export-menu', { has: page.getByLabel(`Save ${title}`, { exact: true }) });
  if ((await menu.getAttribute('open')) === null) await menu.locator('summary').click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    menu.getByRole('button', { name: kind, exact: true }).click(),
  ]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

/** The rows of a CSV without quoted fields, by the names of its header. */
export function csvRows({ bytes }: SavedFile): Record<string, string>[] {
  const [header, ...lines] = bytes.toString('utf8').trimEnd().split('\r\n');
  const names = (header as string).split(',').map((name) => name.replace(/ \[.*\]$/, ''));
  return lines.map((line) => {
    const cells = line.split(',');
    if (cells.length !== names.length) throw new Error(`${cells.length} fields of ${names.length}: ${line}`);
    return Object.fromEntries(names.map((name, i) => [name, cells[i] as string]));
  });
}

/** A structured `.npy` of format 1.0 with fields `<f8` and `<U`, read by its header alone. */
export function npyRows({ bytes }: SavedFile): Record<string, number | string>[] {
  if (bytes.toString('latin1', 0, 6) !== '\x93NUMPY' || bytes[6] !== 1) throw new Error('no .npy 1.0');
  const start = 10 + bytes.readUInt16LE(8);
  if (start % 64 !== 0) throw new Error(`data at ${start}`);
  const header = bytes.toString('latin1', 10, start);
  const fields = [...header.matchAll(/\('(\w+)', '(<f8|<U(\d+))'\)/g)].map(([, name, , characters]) => ({
    name: name as string,
    characters: Number(characters ?? 0),
  }));
  const count = Number(/'shape': \((\d+),\)/.exec(header)?.[1]);
  const itemBytes = fields.reduce((sum, { characters }) => sum + (characters === 0 ? 8 : 4 * characters), 0);
  if (bytes.length !== start + count * itemBytes) throw new Error(`${bytes.length} bytes of ${header}`);
  let at = start;
  return Array.from({ length: count }, () => {
    const row: Record<string, number | string> = {};
    for (const { name, characters } of fields) {
      if (characters === 0) row[name] = bytes.readDoubleLE(at);
      else row[name] = ucs4(bytes.subarray(at, at + 4 * characters));
      at += characters === 0 ? 8 : 4 * characters;
    }
    return row;
  });
}

function ucs4(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const point = bytes.readUInt32LE(at);
    if (point !== 0) text += String.fromCodePoint(point);
  }
  return text;
}

export interface Png {
  width: number;
  height: number;
  /** How many values its bytes have: a drawing has many, a blank sheet two or three. */
  bytesUsed: number;
}

/** Reads a PNG of 8-bit RGB or RGBA. @throws Error for a damaged one */
export function readPng({ bytes }: SavedFile): Png {
  if (bytes.toString('latin1', 0, 8) !== '\x89PNG\r\n\x1a\n') throw new Error('no PNG');
  const width = bytes.readUInt32BE(16);
  const height = bytes.readUInt32BE(20);
  const channels = bytes[25] === 6 ? 4 : 3;
  const parts: Buffer[] = [];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const rows = inflateSync(Buffer.concat(parts));
  if (rows.length !== height * (1 + width * channels)) throw new Error(`${rows.length} bytes of pixels`);
  return { width, height, bytesUsed: new Set(rows).size };
}
