/** A scene as PDF: vectors, with the font's used glyphs embedded. Heavy; load it when it is asked for. */
import PDFDocument from 'pdfkit';
import { encodePng, enlarged } from './png.js';
import { parseRuns, textWidth } from './rich-text.js';
import type { Mark, Scene, Stroke } from './scene.js';

type Document = InstanceType<typeof PDFDocument>;

/**
 * @param font a TrueType file, Inter Regular
 * @param title what the document's properties say
 */
export async function toPdf(scene: Scene, font: Uint8Array, title: string): Promise<Uint8Array<ArrayBuffer>> {
  // 96 px are an inch on screens, 72 pt in print.
  const points = scene.unit === 'pt' ? 1 : 0.75;
  const document = new PDFDocument({
    size: [scene.width * points, scene.height * points],
    margin: 0,
    // Not embedded by itself: without this, Helvetica would be the first font.
    font: font as unknown as string,
    info: { Title: title, Creator: 'tessera' },
  });
  const pieces: Uint8Array[] = [];
  document.on('data', (piece: Uint8Array) => pieces.push(piece));
  const ended = new Promise<void>((resolve, reject) => {
    document.on('end', () => resolve());
    document.on('error', reject);
  });
  document.scale(points);
  if (scene.background !== null) {
    document.rect(0, 0, scene.width, scene.height).fill(scene.background);
  }
  for (const mark of scene.marks) draw(document, mark);
  document.end();
  await ended;
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function draw(document: Document, mark: Mark): void {
  switch (mark.kind) {
    case 'rect':
      document.rect(mark.x, mark.y, mark.width, mark.height);
      paint(document, mark.fill, mark.stroke);
      return;
    case 'circle':
      document.circle(mark.x, mark.y, mark.radius);
      paint(document, mark.fill, mark.stroke);
      return;
    case 'path':
      for (const line of mark.lines) {
        for (const [i, [x, y]] of line.entries()) {
          if (i === 0) document.moveTo(x, y);
          else document.lineTo(x, y);
        }
        if (mark.closed && line.length > 0) document.closePath();
      }
      paint(document, mark.fill, mark.stroke);
      return;
    case 'image': {
      const { x, y, width, height, pixels } = mark;
      const png = encodePng(mark.isSmooth ? pixels : enlarged(pixels));
      document.image(png.buffer as ArrayBuffer, x, y, { width, height });
      return;
    }
    case 'text':
      drawText(document, mark);
      return;
    case 'group': {
      if (mark.clip === undefined) {
        for (const child of mark.marks) draw(document, child);
        return;
      }
      const { x, y, width, height } = mark.clip;
      document.save();
      document.rect(x, y, width, height).clip();
      for (const child of mark.marks) draw(document, child);
      document.restore();
    }
  }
}

function paint(document: Document, fill: string | undefined, stroke: Stroke | undefined): void {
  if (stroke !== undefined) {
    document
      .lineWidth(stroke.width)
      .lineJoin('round')
      .strokeOpacity(stroke.opacity ?? 1);
    if (stroke.dash === undefined) document.undash();
    else document.dash(stroke.dash[0] as number, { space: stroke.dash[1] as number });
  }
  if (fill !== undefined && stroke !== undefined) document.fillAndStroke(fill, stroke.color, 'even-odd');
  else if (fill !== undefined) document.fill(fill, 'even-odd');
  else if (stroke !== undefined) document.stroke(stroke.color);
}

function drawText(document: Document, mark: Extract<Mark, { kind: 'text' }>): void {
  const { x, y, markup, size, fill, anchor, halo } = mark;
  const width = textWidth(markup) * size;
  document.save();
  document.translate(x, y);
  if (mark.upwards) document.rotate(-90);
  const start = anchor === 'start' ? 0 : anchor === 'middle' ? -width / 2 : -width;
  const passes = halo === undefined ? (['fill'] as const) : (['halo', 'fill'] as const);
  for (const pass of passes) {
    let at = start;
    document.undash().strokeOpacity(1).lineJoin('round');
    if (pass === 'halo')
      document
        .lineWidth(size * 0.28)
        .strokeColor(halo as string)
        .fillColor(halo as string);
    else document.fillColor(fill);
    for (const run of parseRuns(markup)) {
      at += run.shift * size;
      document.fontSize(size * run.scale);
      document.text(run.text, at, -run.rise * size, {
        baseline: 'alphabetic',
        lineBreak: false,
        fill: true,
        stroke: pass === 'halo',
      });
      at += document.widthOfString(run.text);
    }
  }
  document.restore();
}
