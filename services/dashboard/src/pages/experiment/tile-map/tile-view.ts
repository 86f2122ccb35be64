/** Draws a world of tiles into a canvas: the level that fits the zoom, in chunks that are painted once. */
import { type Colouring, colourOf, type Palette, type Rgb } from './tile-colours.js';
import { type CellKind, cellKinds, type Level, type TileWorld } from './tile-world.js';

/** Texels on a side of a chunk. */
const chunkSide = 256;
/** From this many pixels a cell on, states are told by shape too. */
const shapesFrom = 11;
/** The least side of a failed tile in pixels of the page: it is seen however many tiles there are. */
const failedSide = 4;

export interface Viewport {
  /** Pixels of the page a cell. */
  scale: number;
  /** Where the world's corner lies, in pixels of the page. */
  x: number;
  y: number;
}

export class TileView {
  readonly world: TileWorld;
  view: Viewport = { scale: 1, x: 0, y: 0 };
  colouring: Colouring = 'state';
  isCancelled = false;
  /** The cell under the pointer or the keyboard, and the one whose history is open. */
  hovered: { x: number; y: number } | null = null;
  selected: { x: number; y: number } | null = null;
  #palette: Palette;
  readonly #context: CanvasRenderingContext2D;
  readonly #chunks = new Map<string, { canvas: OffscreenCanvas; isStale: boolean }>();
  #requested = false;
  #width = 1;
  #height = 1;
  #ratio = 1;

  constructor(world: TileWorld, canvas: HTMLCanvasElement, palette: Palette) {
    this.world = world;
    this.#context = canvas.getContext('2d', { alpha: false }) as CanvasRenderingContext2D;
    this.#palette = palette;
  }

  get size(): { width: number; height: number } {
    return { width: this.#width, height: this.#height };
  }

  resize(width: number, height: number): void {
    const { canvas } = this.#context;
    this.#ratio = Math.min(2, window.devicePixelRatio || 1);
    this.#width = width;
    this.#height = height;
    canvas.width = Math.round(width * this.#ratio);
    canvas.height = Math.round(height * this.#ratio);
    this.request();
  }

  /** The whole world in the canvas. */
  fit(): void {
    const margin = 12;
    // The buttons' place.
    const top = 48;
    const { width, height } = this.world;
    const room = this.#height - top - margin;
    const scale = Math.min((this.#width - 2 * margin) / width, room / height, 48);
    this.view = { scale, x: (this.#width - width * scale) / 2, y: top + (room - height * scale) / 2 };
    this.request();
  }

  /** Zooms by a factor about a point of the canvas. */
  zoom(factor: number, x: number, y: number): void {
    const least = Math.min(this.#width / this.world.width, this.#height / this.world.height) / 2;
    const scale = Math.min(64, Math.max(least, this.view.scale * factor));
    const real = scale / this.view.scale;
    this.view = { scale, x: x - (x - this.view.x) * real, y: y - (y - this.view.y) * real };
    this.request();
  }

  pan(dx: number, dy: number): void {
    this.view = { ...this.view, x: this.view.x + dx, y: this.view.y + dy };
    this.request();
  }

  /** The cell at a point of the canvas. */
  cellAt(x: number, y: number): { x: number; y: number } {
    const { scale, x: left, y: top } = this.view;
    return { x: Math.floor((x - left) / scale), y: Math.floor((y - top) / scale) };
  }

  repaint(palette: Palette, colouring: Colouring, isCancelled: boolean): void {
    this.#palette = palette;
    this.colouring = colouring;
    this.isCancelled = isCancelled;
    this.#chunks.clear();
    this.request();
  }

  /** The world has changed. */
  refresh(): void {
    for (const { x, y } of this.world.takeDirty()) {
      for (let level = 0; level < this.world.levels.length; level++) {
        const side = chunkSide << level;
        const chunk = this.#chunks.get(`${level} ${Math.floor(x / side)} ${Math.floor(y / side)}`);
        if (chunk) chunk.isStale = true;
      }
    }
    this.request();
  }

  request(): void {
    if (this.#requested) return;
    this.#requested = true;
    requestAnimationFrame(() => {
      this.#requested = false;
      this.#draw();
    });
  }

  #draw(): void {
    const start = performance.now();
    const context = this.#context;
    const { scale, x: left, y: top } = this.view;
    context.fillStyle = css(this.#palette.surface);
    // To the last whole pixel: sizes on the page have fractions, and a part of a pixel would stay black.
    context.resetTransform();
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    const deepest = this.world.levels.length - 1;
    const number = Math.min(deepest, Math.max(0, Math.floor(Math.log2(1 / (scale * this.#ratio)))));
    const side = chunkSide << number;
    context.imageSmoothingEnabled = scale * this.#ratio < 1;
    const first = this.cellAt(0, 0);
    const last = this.cellAt(this.#width, this.#height);
    const across = Math.ceil(this.world.width / side) - 1;
    const down = Math.ceil(this.world.height / side) - 1;
    for (
      let cy = Math.max(0, Math.floor(first.y / side));
      cy <= Math.min(down, Math.floor(last.y / side));
      cy++
    ) {
      for (
        let cx = Math.max(0, Math.floor(first.x / side));
        cx <= Math.min(across, Math.floor(last.x / side));
        cx++
      ) {
        const { canvas } = this.#chunk(number, cx, cy);
        context.drawImage(
          canvas,
          left + cx * side * scale,
          top + cy * side * scale,
          canvas.width * (1 << number) * scale,
          canvas.height * (1 << number) * scale,
        );
      }
    }
    if (scale >= shapesFrom) this.#drawShapes(first, last);
    else if (scale < failedSide) this.#drawFailed(first, last);
    this.#drawNames();
    this.#drawMark(this.selected, this.#palette.ink, 3);
    this.#drawMark(this.hovered, this.#palette.accent, 2);
    performance.measure('tile map frame', { start });
  }

  #chunk(number: number, cx: number, cy: number): { canvas: OffscreenCanvas } {
    const key = `${number} ${cx} ${cy}`;
    const known = this.#chunks.get(key);
    if (known && !known.isStale) return known;
    const level = this.world.levels[number] as Level;
    const width = Math.min(chunkSide, level.width - cx * chunkSide);
    const height = Math.min(chunkSide, level.height - cy * chunkSide);
    const canvas = known?.canvas ?? new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
    const image = context.createImageData(width, height);
    const [r, g, b] = this.#palette.surface;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = (cy * chunkSide + y) * level.width + cx * chunkSide + x;
        const colour = colourOf(level, at, this.colouring, this.#palette, this.world.slowest);
        const pixel = 4 * (y * width + x);
        image.data[pixel] = colour?.[0] ?? r;
        image.data[pixel + 1] = colour?.[1] ?? g;
        image.data[pixel + 2] = colour?.[2] ?? b;
        image.data[pixel + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
    const chunk = { canvas, isStale: false };
    if (this.#chunks.size > 400) this.#chunks.clear();
    this.#chunks.set(key, chunk);
    return chunk;
  }

  /** Failed tiles larger than they are: from afar one is less than a pixel. */
  #drawFailed(first: { x: number; y: number }, last: { x: number; y: number }): void {
    const { scale, x: left, y: top } = this.view;
    const deepest = this.world.levels.length - 1;
    const number = Math.min(deepest, Math.max(0, Math.ceil(Math.log2(failedSide / scale))));
    const level = this.world.levels[number] as Level;
    const side = scale * 2 ** number;
    const start = (cell: number) => Math.max(0, cell >> number);
    this.#context.fillStyle = css(this.#palette.failed);
    for (let y = start(first.y); y <= Math.min(level.height - 1, last.y >> number); y++) {
      for (let x = start(first.x); x <= Math.min(level.width - 1, last.x >> number); x++) {
        if (level.kind[y * level.width + x] !== failedKind) continue;
        const [px, py] = [left + (x + 0.5) * side, top + (y + 0.5) * side];
        this.#context.fillRect(px - failedSide / 2, py - failedSide / 2, failedSide, failedSide);
      }
    }
  }

  /** Lines between cells, and a shape for each state that is not done. */
  #drawShapes(first: { x: number; y: number }, last: { x: number; y: number }): void {
    const context = this.#context;
    const { scale } = this.view;
    const hatch = new Path2D();
    const rings = new Path2D();
    const crosses = new Path2D();
    const frames = new Path2D();
    for (let y = Math.max(0, first.y); y <= Math.min(this.world.height - 1, last.y); y++) {
      for (let x = Math.max(0, first.x); x <= Math.min(this.world.width - 1, last.x); x++) {
        const { kind } = this.world.cell(x, y);
        if (kind === 'none') continue;
        const px = this.view.x + x * scale;
        const py = this.view.y + y * scale;
        frames.rect(px, py, scale, scale);
        const near = scale * 0.28;
        const far = scale * 0.72;
        if (kind === 'leased') {
          rings.moveTo(px + scale * 0.7, py + scale / 2);
          rings.arc(px + scale / 2, py + scale / 2, scale * 0.2, 0, 2 * Math.PI);
        } else if (kind === 'failed') {
          crosses.moveTo(px + near, py + near);
          crosses.lineTo(px + far, py + far);
          crosses.moveTo(px + far, py + near);
          crosses.lineTo(px + near, py + far);
        } else if (this.isCancelled && isPending(kind)) {
          hatch.moveTo(px, py + scale);
          hatch.lineTo(px + scale, py);
        }
      }
    }
    context.lineWidth = 1;
    context.strokeStyle = css(this.#palette.surface);
    context.stroke(frames);
    context.strokeStyle = this.#palette.muted;
    context.stroke(hatch);
    context.lineWidth = Math.max(1.5, scale / 12);
    context.strokeStyle = '#ffffff';
    context.stroke(rings);
    context.stroke(crosses);
  }

  /** The variances of a kernel, in the half that is symmetric to the tiles. */
  #drawNames(): void {
    const { blocks, weightVariance, biasVariance, kernelCount } = this.world.header;
    const side = blocks * this.view.scale;
    if (side < 84) return;
    const context = this.#context;
    context.font = '11px "Inter Variable", sans-serif';
    context.fillStyle = this.#palette.muted;
    for (let kernel = 0; kernel < kernelCount; kernel++) {
      const corner = this.world.corner(kernel);
      const x = this.view.x + corner.x * this.view.scale;
      const y = this.view.y + (corner.y + blocks) * this.view.scale;
      if (x > this.#width || y < 0 || x + side < 0 || y - side > this.#height) continue;
      const weight = weightVariance[Math.floor(kernel / biasVariance.length)] as number;
      const bias = biasVariance[kernel % biasVariance.length] as number;
      context.fillText(`σw² ${short(weight)}`, x + 1, y - 17);
      context.fillText(`σb² ${short(bias)}`, x + 1, y - 4);
    }
  }

  #drawMark(cell: { x: number; y: number } | null, colour: string, width: number): void {
    if (!cell) return;
    const { scale, x, y } = this.view;
    const side = Math.max(6, scale);
    this.#context.strokeStyle = colour;
    this.#context.lineWidth = width;
    this.#context.strokeRect(
      x + (cell.x + 0.5) * scale - side / 2,
      y + (cell.y + 0.5) * scale - side / 2,
      side,
      side,
    );
  }
}

const failedKind = cellKinds.indexOf('failed');
const isPending = (kind: CellKind) => kind === 'pending' || kind === 'waiting';
const css = ([r, g, b]: Rgb) => `rgb(${r} ${g} ${b})`;
const short = (value: number) => String(Number(value.toPrecision(4)));
