/** The tile map: every tile a cell, from the whole experiment down to one tile's history. */
import type { Experiment } from '@tessera/spec';
import {
  type CSSProperties,
  type KeyboardEvent,
  type PointerEvent,
  useCallback,
  useEffect,
  useRef,
  useState,
} from 'react';
import { isMoving } from '../../../live/use-experiments.js';
import { countText, numberText } from '../../../ui/format.js';
import { Failure } from '../../../ui/notice.js';
import { useTheme } from '../../../ui/theme.js';
import { useUrlParam } from '../../../ui/url-state.js';
import { type Colouring, cividisAt, colourings, readPalette, workerColours } from './tile-colours.js';
import { TileHistory } from './tile-history.js';
import { TileView } from './tile-view.js';
import type { CellKind, TileWorld } from './tile-world.js';
import { useTileWorld } from './use-tile-world.js';

export function TileMap({ experiment }: { experiment: Experiment }) {
  const { id, state } = experiment;
  const { world, error, version } = useTileWorld(id, isMoving(experiment), state);
  const [colouring, setColouring] = useUrlParam('colour', 'state');
  const [selected, setSelected] = useUrlParam('tile');
  const chosen = /^(\d+)\.(\d+)$/.exec(selected);
  return (
    <section className="panel tile-map" aria-label="Tile map">
      <div className="row spread">
        <h2>Tiles</h2>
        <fieldset className="row tabs">
          <legend className="hidden-label">Colour tiles by</legend>
          {colourings.map((one) => (
            <button
              key={one}
              type="button"
              className="quiet"
              aria-pressed={one === colouring}
              onClick={() => setColouring(one)}
            >
              {one}
            </button>
          ))}
        </fieldset>
      </div>
      {error && world === null && <Failure error={error} />}
      {world === null && !error && <div className="tile-canvas waiting" />}
      {world && (
        <TileCanvas
          world={world}
          version={version}
          colouring={
            (colourings as readonly string[]).includes(colouring) ? (colouring as Colouring) : 'state'
          }
          isCancelled={state === 'cancelled' || state === 'cancelling'}
          selected={selected}
          onSelect={setSelected}
        />
      )}
      {world && <Legend world={world} colouring={colouring as Colouring} />}
      {chosen && (
        <TileHistory
          id={id}
          kernel={Number(chosen[1])}
          tile={Number(chosen[2])}
          onClose={() => setSelected('')}
        />
      )}
    </section>
  );
}

interface CanvasProps {
  world: TileWorld;
  version: number;
  colouring: Colouring;
  isCancelled: boolean;
  selected: string;
  onSelect: (tile: string) => void;
}

function TileCanvas({ world, version, colouring, isCancelled, selected, onSelect }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const view = useRef<TileView | null>(null);
  const drag = useRef<{ x: number; y: number; moved: number } | null>(null);
  const [tip, setTip] = useState<{ x: number; y: number; text: string } | null>(null);
  const [zoom, setZoom] = useUrlParam('view');
  const theme = useTheme();
  const firstZoom = useRef(zoom);

  const keeping = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const keepZoom = useCallback(() => {
    clearTimeout(keeping.current);
    keeping.current = setTimeout(() => {
      const made = view.current;
      if (!made) return;
      const { scale, x, y } = made.view;
      const { width, height } = made.size;
      setZoom(
        [scale, (width / 2 - x) / scale, (height / 2 - y) / scale].map((v) => v.toPrecision(5)).join(','),
      );
    }, 400);
  }, [setZoom]);

  useEffect(() => {
    const element = canvas.current as HTMLCanvasElement;
    const made = new TileView(world, element, readPalette());
    view.current = made;
    let isFirst = true;
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = (entry as ResizeObserverEntry).contentRect;
      made.resize(width, height);
      if (!isFirst) return;
      isFirst = false;
      const [scale, x, y] = firstZoom.current.split(',').map(Number);
      if (scale && Number.isFinite(x) && Number.isFinite(y)) {
        made.view = { scale, x: width / 2 - (x as number) * scale, y: height / 2 - (y as number) * scale };
        made.request();
      } else made.fit();
    });
    observer.observe(element);
    // Passive listeners, which React's are, cannot keep the page from scrolling.
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      made.zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
      keepZoom();
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => {
      observer.disconnect();
      element.removeEventListener('wheel', onWheel);
    };
  }, [world, keepZoom]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme changes what the palette reads
  useEffect(() => {
    view.current?.repaint(readPalette(), colouring, isCancelled);
  }, [colouring, isCancelled, theme]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version is a changed world
  useEffect(() => {
    view.current?.refresh();
  }, [version]);

  useEffect(() => {
    if (!view.current) return;
    const [kernel, tile] = selected.split('.').map(Number);
    const isThere = selected !== '' && (kernel as number) < world.header.kernelCount;
    view.current.selected = isThere ? world.cellOf(kernel as number, tile as number) : null;
    view.current.request();
  }, [selected, world]);

  const fit = () => {
    view.current?.fit();
    clearTimeout(keeping.current);
    setZoom('');
  };

  const pointAt = (cell: { x: number; y: number } | null) => {
    const made = view.current;
    if (!made) return;
    const place = cell && world.placeAt(cell.x, cell.y);
    made.hovered = place ? cell : null;
    made.request();
    if (!cell || !place) {
      setTip(null);
      return;
    }
    const { scale, x, y } = made.view;
    setTip({ x: x + (cell.x + 0.5) * scale, y: y + (cell.y + 1) * scale, text: describe(world, cell) });
  };
  const open = (cell: { x: number; y: number } | null) => {
    const place = cell && world.placeAt(cell.x, cell.y);
    if (place) onSelect(`${place.kernel}.${place.tile}`);
  };

  const onPointerMove = (event: PointerEvent) => {
    const made = view.current;
    if (!made) return;
    const box = event.currentTarget.getBoundingClientRect();
    if (drag.current) {
      const dx = event.clientX - drag.current.x;
      const dy = event.clientY - drag.current.y;
      drag.current = {
        x: event.clientX,
        y: event.clientY,
        moved: drag.current.moved + Math.abs(dx) + Math.abs(dy),
      };
      made.pan(dx, dy);
      keepZoom();
    }
    pointAt(made.cellAt(event.clientX - box.left, event.clientY - box.top));
  };
  const onPointerUp = (event: PointerEvent) => {
    const made = view.current;
    const wasClick = drag.current !== null && drag.current.moved < 4;
    drag.current = null;
    if (!made || !wasClick) return;
    const box = event.currentTarget.getBoundingClientRect();
    open(made.cellAt(event.clientX - box.left, event.clientY - box.top));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const made = view.current;
    if (!made) return;
    const steps: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const step = steps[event.key];
    if (step) pointAt(nextCell(world, made.hovered, step, event.shiftKey ? world.pitch : 1));
    else if (event.key === 'Enter') open(made.hovered);
    else if (event.key === '+' || event.key === '=')
      made.zoom(1.5, made.size.width / 2, made.size.height / 2);
    else if (event.key === '-') made.zoom(1 / 1.5, made.size.width / 2, made.size.height / 2);
    else if (event.key === '0') fit();
    else return;
    event.preventDefault();
    keepZoom();
  };

  return (
    <div className="tile-canvas" style={{ '--aspect': world.width / world.height } as CSSProperties}>
      <div
        className="tile-plane"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the map is worked by keys
        tabIndex={0}
        role="application"
        aria-label="Tile map. Arrow keys move between tiles, Shift with them between kernels, Enter opens a tile, plus and minus zoom, 0 shows all."
        aria-describedby="tile-tip"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.current = { x: event.clientX, y: event.clientY, moved: 0 };
        }}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onPointerLeave={() => pointAt(null)}
        onKeyDown={onKeyDown}
      >
        <canvas ref={canvas} />
      </div>
      <div className="tile-zoom">
        <button
          type="button"
          aria-label="Zoom in"
          onClick={() => view.current?.zoom(2, ...middle(view.current))}
        >
          +
        </button>
        <button
          type="button"
          aria-label="Zoom out"
          onClick={() => view.current?.zoom(0.5, ...middle(view.current))}
        >
          −
        </button>
        <button type="button" onClick={fit}>
          All
        </button>
      </div>
      <output id="tile-tip" className="tile-tip" hidden={tip === null} style={tipPlace(tip, view.current)}>
        {tip?.text}
      </output>
    </div>
  );
}

const middle = (view: TileView): [number, number] => [view.size.width / 2, view.size.height / 2];

function tipPlace(tip: { x: number; y: number } | null, view: TileView | null) {
  if (!tip || !view) return {};
  const { width, height } = view.size;
  const left = Math.min(Math.max(0, tip.x + 10), Math.max(0, width - 290));
  return tip.y > height - 110
    ? { left, bottom: Math.max(0, height - tip.y + 16) }
    : { left, top: Math.max(0, tip.y + 8) };
}

/** The next cell with a tile in a direction; across what lies between kernels. */
function nextCell(
  world: TileWorld,
  from: { x: number; y: number } | null,
  [dx, dy]: [number, number],
  stride: number,
): { x: number; y: number } | null {
  if (!from) return { x: 0, y: 0 };
  for (let n = 1; n <= world.pitch + 1; n++) {
    const cell = { x: from.x + dx * n * stride, y: from.y + dy * n * stride };
    if (world.placeAt(cell.x, cell.y)) return cell;
  }
  return from;
}

const kindWords: Record<CellKind, string> = {
  none: '',
  waiting: 'waiting: its kernel has not started',
  pending: 'pending',
  done: 'done',
  leased: 'being computed',
  failed: 'failed',
};

function describe(world: TileWorld, at: { x: number; y: number }): string {
  const place = world.placeAt(at.x, at.y);
  if (!place) return '';
  const { header } = world;
  const weight = header.weightVariance[Math.floor(place.kernel / header.biasVariance.length)] as number;
  const bias = header.biasVariance[place.kernel % header.biasVariance.length] as number;
  const { kind, milliseconds, worker } = world.cell(at.x, at.y);
  const images = (block: number) =>
    `${block * header.tileSize}–${Math.min(header.trainCount, (block + 1) * header.tileSize) - 1}`;
  const lines = [
    `Tile ${place.tile} (row ${place.row}, column ${place.col}) of kernel ${place.kernel}`,
    `σw² = ${numberText(weight, 4)}, σb² = ${numberText(bias, 4)}`,
    `images ${images(place.row)} × ${images(place.col)}`,
    kindWords[kind] + (milliseconds > 0 ? ` in ${numberText(milliseconds)} ms` : ''),
  ];
  if (worker) lines.push(worker);
  return lines.join('\n');
}

function Legend({ world, colouring }: { world: TileWorld; colouring: Colouring }) {
  const counts = world.counts();
  if (colouring === 'worker') {
    return (
      <ul className="legend">
        {world.workers.slice(0, 12).map((name, number) => (
          <li key={name}>
            <Swatch colour={workerColours[number % workerColours.length] as readonly number[]} />
            <span className="mono">{name}</span>
          </li>
        ))}
        <li className="muted">Grey: not computed, or the kernel was done before this page looked.</li>
      </ul>
    );
  }
  if (colouring === 'milliseconds') {
    return (
      <ul className="legend">
        <li>
          1 ms
          {[0, 0.25, 0.5, 0.75, 1].map((share) => (
            <Swatch key={share} colour={cividisAt(share)} />
          ))}
          {numberText(world.slowest)} ms
        </li>
        <li className="muted">Grey: not computed, or the kernel was done before this page looked.</li>
      </ul>
    );
  }
  const waiting = counts.waiting + counts.pending;
  return (
    <ul className="legend" aria-label="Tiles by state">
      <li>
        <span className="key key-pending" /> {countText(waiting)} pending
      </li>
      <li>
        <span className="key key-leased" /> {countText(counts.leased)} being computed
      </li>
      <li>
        <span className="key key-done" /> {countText(counts.done)} done
      </li>
      <li className={counts.failed > 0 ? 'loud' : ''}>
        <span className="key key-failed">×</span> {countText(counts.failed)} failed
      </li>
    </ul>
  );
}

function Swatch({ colour }: { colour: readonly number[] }) {
  return <span className="key" style={{ background: `rgb(${colour.map(Math.round).join(' ')})` }} />;
}
