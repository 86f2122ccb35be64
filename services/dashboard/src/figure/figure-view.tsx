/** A figure on a page: as wide as its place, in the page's colours, with its caption and what can be saved of it. */
import './figure.css';
import {
  drawFigure,
  type Figure,
  type FigureData,
  type FigureName,
  hitTest,
  type PlotPanel,
} from '@tessera/figures';
import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { useTheme } from '../ui/theme.js';
import { ExportMenu } from './export-menu.js';

/** A place in a figure that a pointer is over, or that was chosen. */
export interface FigurePoint {
  panel: PlotPanel;
  x: number;
  y: number;
}

/** A rectangle or a ring over the figure, in its own coordinates. */
export type Marker =
  | { kind: 'cell'; x: number; y: number; width: number; height: number }
  | { kind: 'ring'; x: number; y: number };

interface FigureViewProps<Name extends FigureName> {
  name: Name;
  data: FigureData[Name];
  /** Names the figure for its heading and its files. */
  title: string;
  height?: number | undefined;
  /** Called with the place of a click. */
  onPick?: ((point: FigurePoint) => void) | undefined;
  onHover?: ((point: FigurePoint | null) => void) | undefined;
  /** Arrow keys: steps to the right and upwards. */
  onStep?: ((right: number, up: number) => void) | undefined;
  /** What is chosen, from the panels drawn. */
  markers?: ((figure: Figure) => readonly Marker[]) | undefined;
  /** Over the drawing: selections of its own. */
  children?: ((figure: Figure) => ReactNode) | undefined;
  /** Beside the title. */
  controls?: ReactNode;
}

export function FigureView<Name extends FigureName>(props: FigureViewProps<Name>) {
  const { name, data, title, height, onPick, onHover, onStep, markers, children, controls } = props;
  const theme = useTheme();
  const [place, width] = useWidth();
  const [figure, error] = useMemo(() => {
    if (width === 0) return [null, null];
    try {
      return [drawFigure(name, data, { width, height, theme, background: null }), null];
    } catch (caught) {
      return [null, caught as Error];
    }
  }, [name, data, width, height, theme]);
  const drawing = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const parsed = figure && new DOMParser().parseFromString(figure.svg, 'image/svg+xml').documentElement;
    if (parsed) drawing.current?.replaceChildren(document.importNode(parsed, true));
  }, [figure]);

  const pointAt = (event: PointerEvent): FigurePoint | null => {
    if (figure === null) return null;
    const box = event.currentTarget.getBoundingClientRect();
    return hitTest(figure.plot, event.clientX - box.left, event.clientY - box.top);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, 1],
      ArrowDown: [0, -1],
    };
    const step = steps[event.key];
    if (step === undefined || onStep === undefined) return;
    event.preventDefault();
    onStep(...step);
  };
  return (
    <figure className="figure" ref={place}>
      <div className="figure-head">
        <h2>{title}</h2>
        {controls}
        {figure && <ExportMenu name={name} data={data} title={title} figure={figure} />}
      </div>
      {error && <p className="muted">{error.message}</p>}
      {figure && (
        // biome-ignore lint/a11y/noStaticElementInteractions: with onStep it is an application that takes arrow keys
        <div
          className={onPick ? 'figure-drawing pickable' : 'figure-drawing'}
          {...(onStep
            ? { tabIndex: 0, role: 'application', 'aria-label': `${title}: arrow keys move the chosen point` }
            : {})}
          onKeyDown={onKeyDown}
          onPointerMove={onHover && ((event) => onHover(pointAt(event)))}
          onPointerLeave={onHover && (() => onHover(null))}
          onClick={
            onPick &&
            ((event) => {
              const point = pointAt(event as unknown as PointerEvent);
              if (point !== null) onPick(point);
            })
          }
        >
          <div ref={drawing} />
          <Markers figure={figure} markers={markers?.(figure) ?? []} />
          {children?.(figure)}
        </div>
      )}
      {figure && (
        <figcaption>
          <details>
            <summary>Caption</summary>
            {figure.caption}
          </details>
        </figcaption>
      )}
    </figure>
  );
}

function Markers({ figure, markers }: { figure: Figure; markers: readonly Marker[] }) {
  if (markers.length === 0) return null;
  const { width, height } = figure.plot;
  return (
    <svg className="figure-overlay" width={width} height={height} aria-hidden="true">
      {markers.flatMap((marker) =>
        ['marker-halo', 'marker'].map((className) =>
          marker.kind === 'cell' ? (
            <rect
              key={`${className} ${marker.x} ${marker.y}`}
              className={className}
              x={marker.x}
              y={marker.y}
              width={marker.width}
              height={marker.height}
            />
          ) : (
            <circle
              key={`${className} ${marker.x} ${marker.y}`}
              className={className}
              cx={marker.x}
              cy={marker.y}
              r={7}
            />
          ),
        ),
      )}
    </svg>
  );
}

/** The inner width of an element, in whole pixels, as it changes. */
export function useWidth(): [(element: HTMLElement | null) => void, number] {
  const [element, setElement] = useState<HTMLElement | null>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (element === null) return;
    const measure = () => setWidth(Math.floor(element.clientWidth));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return [setElement, width];
}
