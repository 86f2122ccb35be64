/** A scene as SVG: presentation attributes only, so that a strict Content-Security-Policy lets it through. */
import { bytesToBase64 } from './base64.js';
import { encodePng, enlarged } from './png.js';
import { parseRuns, plainText } from './rich-text.js';
import type { Mark, Scene, Stroke } from './scene.js';

/** The face that texts are measured with, and what stands in where it is not there. */
export const fontFamily = "Inter, 'Inter Variable', 'Helvetica Neue', Arial, sans-serif";

/** @param label what a screen reader says of the picture */
export function toSvg(scene: Scene, label: string): string {
  const { width, height, unit, background } = scene;
  const clips: string[] = [];
  const paper =
    background === null
      ? ''
      : `<rect width="${number(width)}" height="${number(height)}" fill="${background}"/>`;
  const body = scene.marks.map((mark) => markSvg(mark, clips, label)).join('');
  const defs = clips.length === 0 ? '' : `<defs>${clips.join('')}</defs>`;
  const size = unit === 'pt' ? (value: number) => `${number(value / 72)}in` : number;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size(width)}" height="${size(height)}" ` +
    `viewBox="0 0 ${number(width)} ${number(height)}" role="img" aria-label="${escaped(label)}" ` +
    `font-family="${fontFamily}">${defs}${paper}${body}</svg>`
  );
}

function markSvg(mark: Mark, clips: string[], label: string): string {
  switch (mark.kind) {
    case 'rect': {
      const { x, y, width, height } = mark;
      const place = `x="${number(x)}" y="${number(y)}" width="${number(width)}" height="${number(height)}"`;
      return `<rect ${place}${fillOf(mark.fill)}${strokeOf(mark.stroke)}/>`;
    }
    case 'path': {
      const d = mark.lines
        .filter((line) => line.length > 0)
        .map(
          (line) =>
            `M${line.map(([x, y]) => `${number(x)} ${number(y)}`).join('L')}${mark.closed ? 'Z' : ''}`,
        )
        .join('');
      const rule = mark.fill === undefined ? '' : ' fill-rule="evenodd"';
      return `<path d="${d}"${fillOf(mark.fill)}${rule}${strokeOf(mark.stroke)}/>`;
    }
    case 'circle': {
      const place = `cx="${number(mark.x)}" cy="${number(mark.y)}" r="${number(mark.radius)}"`;
      return `<circle ${place}${fillOf(mark.fill)}${strokeOf(mark.stroke)}/>`;
    }
    case 'text':
      return textSvg(mark);
    case 'image': {
      const { x, y, width, height, pixels } = mark;
      const href = `data:image/png;base64,${bytesToBase64(encodePng(mark.isSmooth ? pixels : enlarged(pixels)))}`;
      return (
        `<image x="${number(x)}" y="${number(y)}" width="${number(width)}" height="${number(height)}" ` +
        `preserveAspectRatio="none"${mark.isSmooth ? '' : ' image-rendering="pixelated"'} href="${href}"/>`
      );
    }
    case 'group': {
      const inner = mark.marks.map((child) => markSvg(child, clips, label)).join('');
      if (mark.clip === undefined) return `<g class="${mark.name}">${inner}</g>`;
      const { x, y, width, height } = mark.clip;
      // Of several figures on a page, two clips must not share a name.
      const id = `clip-${hash(label)}-${clips.length}`;
      clips.push(
        `<clipPath id="${id}"><rect x="${number(x)}" y="${number(y)}" width="${number(width)}" height="${number(height)}"/></clipPath>`,
      );
      return `<g class="${mark.name}" clip-path="url(#${id})">${inner}</g>`;
    }
  }
}

function textSvg(mark: Extract<Mark, { kind: 'text' }>): string {
  const { x, y, size, fill, anchor, markup, halo } = mark;
  const place = mark.upwards
    ? `transform="translate(${number(x)} ${number(y)}) rotate(-90)"`
    : `x="${number(x)}" y="${number(y)}"`;
  const turn = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  const behind =
    halo === undefined
      ? ''
      : ` stroke="${halo}" stroke-width="${number(size * 0.28)}" stroke-linejoin="round" paint-order="stroke"`;
  let rise = 0;
  const inner = parseRuns(markup).map((run) => {
    const dy = (rise - run.rise) * size;
    rise = run.rise;
    const moves = `${run.shift === 0 ? '' : ` dx="${number(run.shift * size)}"`}${dy === 0 ? '' : ` dy="${number(dy)}"`}`;
    const scaled = run.scale === 1 ? '' : ` font-size="${number(run.scale * size)}"`;
    return moves + scaled === '' ? escaped(run.text) : `<tspan${moves}${scaled}>${escaped(run.text)}</tspan>`;
  });
  const said = inner.length > 1 ? ` aria-label="${escaped(plainText(markup))}"` : '';
  return `<text ${place} font-size="${number(size)}" fill="${fill}"${turn}${behind}${said} xml:space="preserve">${inner.join('')}</text>`;
}

const fillOf = (fill: string | undefined) => (fill === undefined ? ' fill="none"' : ` fill="${fill}"`);

function strokeOf(stroke: Stroke | undefined): string {
  if (stroke === undefined) return '';
  const { color, width, dash, opacity } = stroke;
  const dashes = dash === undefined ? '' : ` stroke-dasharray="${dash.map(number).join(' ')}"`;
  const faint = opacity === undefined ? '' : ` stroke-opacity="${number(opacity)}"`;
  return ` stroke="${color}" stroke-width="${number(width)}" stroke-linejoin="round"${dashes}${faint}`;
}

/** To hundredths: finer than any screen or printer. */
function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function hash(text: string): string {
  let value = 5381;
  for (let i = 0; i < text.length; i++) value = (Math.imul(value, 33) ^ text.charCodeAt(i)) >>> 0;
  return value.toString(36);
}
