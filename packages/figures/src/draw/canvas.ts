/** A scene on a browser's 2D canvas, for PNG: the page's own fonts, sharp at any ratio. */

import { parseRuns, textWidth } from './rich-text.js';
import type { Mark, Scene, Stroke } from './scene.js';
import { fontFamily } from './svg.js';

/** What is used of a CanvasRenderingContext2D, so that this compiles without a DOM. */
export interface Canvas2d {
  save(): void;
  restore(): void;
  scale(x: number, y: number): void;
  translate(x: number, y: number): void;
  rotate(angle: number): void;
  beginPath(): void;
  closePath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  rect(x: number, y: number, width: number, height: number): void;
  arc(x: number, y: number, radius: number, start: number, end: number): void;
  clip(): void;
  fill(rule?: 'nonzero' | 'evenodd'): void;
  stroke(): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  setLineDash(lengths: number[]): void;
  fillText(text: string, x: number, y: number): void;
  strokeText(text: string, x: number, y: number): void;
  measureText(text: string): { width: number };
  font: string;
  lineWidth: number;
  globalAlpha: number;
}

export interface CanvasTools {
  /** Draws pixels as sharp cells; a canvas of their own does it. */
  drawPixels(image: Extract<Mark, { kind: 'image' }>): void;
  setFill(color: string): void;
  setStroke(color: string): void;
  setLineJoin(): void;
}

/** @param ratio pixels of the canvas for a unit of the scene */
export function drawScene(context: Canvas2d, scene: Scene, ratio: number, tools: CanvasTools): void {
  context.save();
  context.scale(ratio, ratio);
  if (scene.background !== null) {
    tools.setFill(scene.background);
    context.fillRect(0, 0, scene.width, scene.height);
  }
  for (const mark of scene.marks) draw(context, mark, tools);
  context.restore();
}

function draw(context: Canvas2d, mark: Mark, tools: CanvasTools): void {
  switch (mark.kind) {
    case 'rect':
      context.beginPath();
      context.rect(mark.x, mark.y, mark.width, mark.height);
      paint(context, mark.fill, mark.stroke, tools);
      return;
    case 'circle':
      context.beginPath();
      context.arc(mark.x, mark.y, mark.radius, 0, 2 * Math.PI);
      paint(context, mark.fill, mark.stroke, tools);
      return;
    case 'path':
      context.beginPath();
      for (const line of mark.lines) {
        for (const [i, [x, y]] of line.entries()) {
          if (i === 0) context.moveTo(x, y);
          else context.lineTo(x, y);
        }
        if (mark.closed && line.length > 0) context.closePath();
      }
      paint(context, mark.fill, mark.stroke, tools);
      return;
    case 'image':
      tools.drawPixels(mark);
      return;
    case 'text':
      drawText(context, mark, tools);
      return;
    case 'group': {
      context.save();
      if (mark.clip !== undefined) {
        const { x, y, width, height } = mark.clip;
        context.beginPath();
        context.rect(x, y, width, height);
        context.clip();
      }
      for (const child of mark.marks) draw(context, child, tools);
      context.restore();
    }
  }
}

function paint(
  context: Canvas2d,
  fill: string | undefined,
  stroke: Stroke | undefined,
  tools: CanvasTools,
): void {
  if (fill !== undefined) {
    tools.setFill(fill);
    context.fill('evenodd');
  }
  if (stroke === undefined) return;
  tools.setStroke(stroke.color);
  tools.setLineJoin();
  context.lineWidth = stroke.width;
  context.globalAlpha = stroke.opacity ?? 1;
  context.setLineDash([...(stroke.dash ?? [])]);
  context.stroke();
  context.globalAlpha = 1;
}

function drawText(context: Canvas2d, mark: Extract<Mark, { kind: 'text' }>, tools: CanvasTools): void {
  const { x, y, markup, size, fill, anchor, halo } = mark;
  const width = textWidth(markup) * size;
  context.save();
  context.translate(x, y);
  if (mark.upwards) context.rotate(-Math.PI / 2);
  let at = anchor === 'start' ? 0 : anchor === 'middle' ? -width / 2 : -width;
  tools.setLineJoin();
  context.setLineDash([]);
  for (const run of parseRuns(markup)) {
    at += run.shift * size;
    context.font = `${size * run.scale}px ${fontFamily}`;
    const baseline = -run.rise * size;
    if (halo !== undefined) {
      tools.setStroke(halo);
      context.lineWidth = size * 0.28;
      context.strokeText(run.text, at, baseline);
    }
    tools.setFill(fill);
    context.fillText(run.text, at, baseline);
    at += context.measureText(run.text).width;
  }
  context.restore();
}
