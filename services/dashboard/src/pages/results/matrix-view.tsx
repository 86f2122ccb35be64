/** The kernel matrix at the chosen point, streamed at the resolution shown; drag to look closer. */
import { useQuery } from '@tanstack/react-query';
import type { Figure, FigureExperiment, KernelMatrixData } from '@tessera/figures';
import { selectedCount } from '@tessera/spec';
import { type PointerEvent, useMemo, useState } from 'react';
import { FigureView, useWidth } from '../../figure/figure-view.js';
import { readNpy } from '../../figure/npy.js';
import { api } from '../../live/api.js';
import { Failure, Loading } from '../../ui/notice.js';
import { useUrlParam } from '../../ui/url-state.js';
import type { ResultView } from './use-view.js';
import { Choice } from './view-choices.js';

interface Range {
  start: number;
  stop: number;
}

/** The fewest entries on a side that one looks at. */
const closest = 4;

export function MatrixView({ experiment, view }: { experiment: FigureExperiment; view: ResultView }) {
  const { keep, dataset } = experiment.spec;
  if (keep.kernels === 'none') {
    return (
      <>
        <h2>Kernel matrix</h2>
        <p className="muted">
          This experiment did not keep its matrices. Clone it with <code>keep.kernels</code> set to{' '}
          <code>train</code> to see them here.
        </p>
      </>
    );
  }
  const blocks =
    keep.kernels === 'all' && selectedCount(dataset.test) > 0
      ? (['train', 'test'] as const)
      : (['train'] as const);
  return <Matrix experiment={experiment} view={view} blocks={blocks} />;
}

type Block = 'train' | 'test';

function Matrix({
  experiment,
  view,
  blocks,
}: {
  experiment: FigureExperiment;
  view: ResultView;
  blocks: readonly Block[];
}) {
  const [blockText, setBlock] = useUrlParam('matrix', 'train');
  const block = blocks.find((one) => one === blockText) ?? 'train';
  const [orderText, setOrder] = useUrlParam('order', 'class');
  const order = orderText === 'file' ? 'file' : 'class';
  const [reduceText, setReduce] = useUrlParam('cells', 'mean');
  const reduce = reduceText === 'nearest' ? 'nearest' : 'mean';
  const [zoom, setZoom] = useUrlParam('zoom');
  const labels = useQuery({
    queryKey: ['labels', experiment.id],
    queryFn: () => api.getLabels(experiment.id),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const columnsLength = selectedCount(experiment.spec.dataset.train);
  const rowsLength = block === 'test' ? selectedCount(experiment.spec.dataset.test) : columnsLength;
  const [rows, columns] = rangesOf(zoom, rowsLength, columnsLength);
  const [place, width] = useWidth();
  // Steps of 128 cells: a window that is dragged wider does not ask again for each pixel.
  const cells = Math.min(1024, Math.max(128, Math.ceil(width / 128) * 128));
  const { kernel, weightVariance, biasVariance, depth } = view;
  const request = {
    weightVariance: String(weightVariance),
    biasVariance: String(biasVariance),
    depth: String(depth),
    rows: `${rows.start}:${rows.stop}`,
    columns: `${columns.start}:${columns.stop}`,
    width: String(cells),
    height: String(cells),
    order,
    reduce,
  };
  const name = `${kernel}_${block}_train`;
  const matrix = useQuery({
    queryKey: ['matrix', experiment.id, name, request],
    enabled: width > 0,
    queryFn: () => api.openMatrix(experiment.id, name, request).then(readNpy),
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: (last) => last,
  });
  // What is drawn is what came: its ranges belong to it, not to what was asked for since.
  const [shown, setShown] = useState<{ of: unknown; rows: Range; columns: Range } | null>(null);
  if (matrix.data && !matrix.isPlaceholderData && shown?.of !== matrix.data)
    setShown({ of: matrix.data, rows, columns });
  const data = useMemo((): KernelMatrixData | null => {
    if (!matrix.data || !labels.data || shown === null || shown.of !== matrix.data) return null;
    const [height, columnCells] = matrix.data.shape as [number, number];
    const sorted = (classes: readonly number[]) =>
      order === 'class' ? [...classes].sort((a, b) => a - b) : null;
    const isReduced =
      height < shown.rows.stop - shown.rows.start || columnCells < shown.columns.stop - shown.columns.start;
    return {
      experiment,
      kernel,
      weightVariance,
      biasVariance,
      depth,
      rows: {
        ...shown.rows,
        classes: sorted(labels.data[block]),
        images: block === 'test' ? 'test image' : 'training image',
      },
      columns: { ...shown.columns, classes: sorted(labels.data.train), images: 'training image' },
      block: { height, width: columnCells, values: matrix.data.values },
      classNames: labels.data.classNames,
      reduction: isReduced ? reduce : null,
    };
  }, [
    matrix.data,
    labels.data,
    shown,
    experiment,
    kernel,
    weightVariance,
    biasVariance,
    depth,
    block,
    order,
    reduce,
  ]);

  const look = (nextRows: Range, nextColumns: Range) => {
    const isWhole =
      nextRows.stop - nextRows.start >= rowsLength && nextColumns.stop - nextColumns.start >= columnsLength;
    setZoom(isWhole ? '' : [nextRows.start, nextRows.stop, nextColumns.start, nextColumns.stop].join('-'));
  };
  const scaled = (factor: number) =>
    look(resized(rows, factor, rowsLength), resized(columns, factor, columnsLength));
  const step = (right: number, up: number) =>
    look(moved(rows, -up, rowsLength), moved(columns, right, columnsLength));
  const error = matrix.error ?? labels.error;
  return (
    <div ref={place}>
      <div className="choices">
        <Choice
          label="Matrix"
          values={blocks}
          value={block}
          text={(one) => (one === 'train' ? 'training, training' : 'test, training')}
          keyOf={(one) => one}
          onChoose={(one) => {
            setZoom('');
            setBlock(one);
          }}
        />
        <Choice
          label="Images"
          values={['class', 'file'] as const}
          value={order}
          text={(one) => (one === 'class' ? 'sorted by class' : 'in file order')}
          keyOf={(one) => one}
          onChoose={setOrder}
        />
        <Choice
          label="Cells"
          values={['mean', 'nearest'] as const}
          value={reduce}
          text={(one) => (one === 'mean' ? 'mean of their entries' : 'one of their entries')}
          keyOf={(one) => one}
          onChoose={setReduce}
        />
        <div className="row">
          <button type="button" onClick={() => scaled(0.5)}>
            Zoom in
          </button>
          <button type="button" onClick={() => scaled(2)} disabled={zoom === ''}>
            Zoom out
          </button>
          <button type="button" onClick={() => setZoom('')} disabled={zoom === ''}>
            Whole
          </button>
        </div>
      </div>
      {data ? (
        <FigureView
          name="kernel-matrix"
          data={data}
          title="Kernel matrix"
          height={Math.min(width * 0.98, 860)}
          onStep={step}
        >
          {(figure) => (
            <Brush
              figure={figure}
              rows={rowsLength}
              columns={columnsLength}
              onChoose={look}
              onScale={scaled}
            />
          )}
        </FigureView>
      ) : (
        <>
          <h2>Kernel matrix</h2>
          {!error && <Loading what="Reading the matrix" />}
        </>
      )}
      {error && <Failure error={error} />}
    </div>
  );
}

/** Drag over a part to look at it; double-click to look twice as close. */
function Brush(props: {
  figure: Figure;
  rows: number;
  columns: number;
  onChoose(rows: Range, columns: Range): void;
  onScale(factor: number): void;
}) {
  const { figure, rows, columns, onChoose, onScale } = props;
  const [from, setFrom] = useState<[number, number] | null>(null);
  const [to, setTo] = useState<[number, number] | null>(null);
  const panel = figure.plot.panels[0];
  if (panel === undefined) return null;
  const { frame, x, y } = panel;
  const at = (event: PointerEvent): [number, number] => {
    const box = event.currentTarget.getBoundingClientRect();
    const within = (value: number, most: number) => Math.min(most, Math.max(0, value));
    return [within(event.clientX - box.left, frame.width), within(event.clientY - box.top, frame.height)];
  };
  const finish = (event: PointerEvent) => {
    if (from === null) return;
    const end = at(event);
    setFrom(null);
    setTo(null);
    if (Math.abs(end[0] - from[0]) < 6 || Math.abs(end[1] - from[1]) < 6) return;
    const range = (a: number, b: number, length: number): Range => {
      const start = Math.max(0, Math.floor(Math.min(a, b)));
      return grown({ start, stop: Math.min(length, Math.ceil(Math.max(a, b))) }, length);
    };
    onChoose(
      range(y.invert(frame.y + from[1]), y.invert(frame.y + end[1]), rows),
      range(x.invert(frame.x + from[0]), x.invert(frame.x + end[0]), columns),
    );
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: buttons and arrow keys do the same
    <div
      className="matrix-surface"
      style={{ left: frame.x, top: frame.y, width: frame.width, height: frame.height }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setFrom(at(event));
        setTo(at(event));
      }}
      onPointerMove={(event) => from && setTo(at(event))}
      onPointerUp={finish}
      onDoubleClick={() => onScale(0.5)}
    >
      {from && to && (
        <div
          className="brush"
          style={{
            left: Math.min(from[0], to[0]),
            top: Math.min(from[1], to[1]),
            width: Math.abs(to[0] - from[0]),
            height: Math.abs(to[1] - from[1]),
          }}
        />
      )}
    </div>
  );
}

/** At least a few entries, within the matrix. */
function grown({ start, stop }: Range, length: number): Range {
  const size = Math.min(length, Math.max(closest, stop - start));
  const first = Math.min(start, length - size);
  return { start: first, stop: first + size };
}

function resized({ start, stop }: Range, factor: number, length: number): Range {
  const size = Math.min(length, Math.max(closest, Math.round((stop - start) * factor)));
  const first = Math.min(length - size, Math.max(0, Math.round((start + stop - size) / 2)));
  return { start: first, stop: first + size };
}

/** A quarter of what is seen to one side. */
function moved({ start, stop }: Range, direction: number, length: number): Range {
  const size = stop - start;
  const first = Math.min(length - size, Math.max(0, start + direction * Math.max(1, Math.round(size / 4))));
  return { start: first, stop: first + size };
}

function rangesOf(zoom: string, rows: number, columns: number): [Range, Range] {
  const whole: [Range, Range] = [
    { start: 0, stop: rows },
    { start: 0, stop: columns },
  ];
  const found = /^(\d+)-(\d+)-(\d+)-(\d+)$/.exec(zoom);
  if (found === null) return whole;
  const [a, b, c, d] = found.slice(1).map(Number) as [number, number, number, number];
  const isWithin = a < b && b <= rows && c < d && d <= columns;
  return isWithin
    ? [
        { start: a, stop: b },
        { start: c, stop: d },
      ]
    : whole;
}
