/** The plane of (sigma_w^2, sigma_b^2) with the critical line: a click picks a point, a drag picks a grid. */
import { type Activation, expandAxis } from '@tessera/spec';
import { criticalWeightVariance } from '@tessera/theory';
import { type PointerEvent, useDeferredValue, useMemo, useRef, useState } from 'react';
import { isFields, type Json } from './schema-values.js';

const box = { width: 360, height: 220, left: 40, right: 10, top: 18, bottom: 34 };
const most = { weight: 4, bias: 1 };
/** Points of the line: each is a root to find. */
const linePoints = 24;

export function PhasePicker(props: {
  activation: Json;
  weightVariance: Json;
  biasVariance: Json;
  onPick: (weightVariance: Json, biasVariance: Json) => void;
}) {
  const { weightVariance, biasVariance, onPick } = props;
  const activation = useDeferredValue(props.activation);
  const line = useMemo(() => criticalLine(activation), [activation]);
  const weights = valuesOf(weightVariance);
  const biases = valuesOf(biasVariance);
  const svg = useRef<SVGSVGElement>(null);
  const [drag, setDrag] = useState<{ from: Point; to: Point } | null>(null);
  const pointAt = (event: PointerEvent): Point => {
    const rect = (svg.current as SVGSVGElement).getBoundingClientRect();
    const px = ((event.clientX - rect.left) / rect.width) * box.width;
    const py = ((event.clientY - rect.top) / rect.height) * box.height;
    const weight = ((px - box.left) / (box.width - box.left - box.right)) * most.weight;
    const bias = ((box.height - box.bottom - py) / (box.height - box.top - box.bottom)) * most.bias;
    return { weight: clamp(weight, most.weight), bias: clamp(bias, most.bias) };
  };
  const finish = () => {
    if (!drag) return;
    const { from, to } = drag;
    setDrag(null);
    const isClick = Math.abs(x(from.weight) - x(to.weight)) < 5 && Math.abs(y(from.bias) - y(to.bias)) < 5;
    if (isClick) onPick([from.weight], [from.bias]);
    else onPick(axis(from.weight, to.weight, weights.length), axis(from.bias, to.bias, biases.length));
  };
  const path = line.map(({ weight, bias }) => `${x(weight)},${y(bias)}`).join(' ');
  const dots =
    weights.length * biases.length <= 2000 ? weights.flatMap((w) => biases.map((b) => [w, b] as const)) : [];
  return (
    <figure className="phase-picker">
      <svg
        ref={svg}
        viewBox={`0 0 ${box.width} ${box.height}`}
        role="img"
        aria-label={`Phase diagram with the grid of ${weights.length} by ${biases.length} points. The fields below set the same by keys.`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          const point = pointAt(event);
          setDrag({ from: point, to: point });
        }}
        onPointerMove={(event) => drag && setDrag({ ...drag, to: pointAt(event) })}
        onPointerUp={finish}
        onPointerCancel={() => setDrag(null)}
      >
        {line.length > 1 && (
          <>
            <polygon className="ordered" points={`${x(0)},${y(most.bias)} ${x(0)},${y(0)} ${path}`} />
            <polygon
              className="chaotic"
              points={`${x(most.weight)},${y(most.bias)} ${x(most.weight)},${y(0)} ${path}`}
            />
            <text x={x(0) + 6} y={box.top - 6}>
              ordered
            </text>
            <text x={x(most.weight)} y={box.top - 6} textAnchor="end">
              chaotic
            </text>
            <polyline className="critical" points={path} />
          </>
        )}
        <path className="axis" d={`M${x(0)} ${y(most.bias)}V${y(0)}H${x(most.weight)}`} />
        {[0, 1, 2, 3, 4].map((value) => (
          <text key={value} x={x(value)} y={y(0) + 14} textAnchor="middle">
            {value}
          </text>
        ))}
        {[0, 0.5, 1].map((value) => (
          <text key={value} x={x(0) - 6} y={y(value) + 4} textAnchor="end">
            {value}
          </text>
        ))}
        <text x={(x(0) + x(most.weight)) / 2} y={box.height - 4} textAnchor="middle">
          σw²
        </text>
        <text x={4} y={box.top - 6}>
          σb²
        </text>
        {dots.map(([weight, bias]) => (
          <circle
            key={`${weight} ${bias}`}
            className="dot"
            cx={x(weight)}
            cy={y(bias)}
            r={dots.length > 60 ? 2 : 3.5}
          />
        ))}
        {drag && (
          <rect
            className="brush"
            x={Math.min(x(drag.from.weight), x(drag.to.weight))}
            y={Math.min(y(drag.from.bias), y(drag.to.bias))}
            width={Math.abs(x(drag.from.weight) - x(drag.to.weight))}
            height={Math.abs(y(drag.from.bias) - y(drag.to.bias))}
          />
        )}
      </svg>
      <figcaption className="muted small">
        Click for one point, drag for a grid. Dotted: the critical line, χ₁ = 1
        {line.length > 1 ? '.' : ', which this activation does not have here.'}
      </figcaption>
    </figure>
  );
}

interface Point {
  weight: number;
  bias: number;
}

const x = (weight: number) => box.left + (weight / most.weight) * (box.width - box.left - box.right);
const y = (bias: number) =>
  box.height - box.bottom - (bias / most.bias) * (box.height - box.top - box.bottom);
const clamp = (value: number, end: number) => Number(Math.min(end, Math.max(0, value)).toFixed(3));

/** A range along one axis; a drag that stays on one value keeps to it. */
function axis(a: number, b: number, before: number): Json {
  const from = Math.min(a, b);
  const to = Math.max(a, b);
  if (to - from < 0.005) return [from];
  return { from, to, count: before > 1 ? before : 10 };
}

function valuesOf(value: Json): number[] {
  const isRange =
    isFields(value) &&
    typeof value.from === 'number' &&
    typeof value.to === 'number' &&
    value.to > value.from;
  if (isRange) {
    const { from, to, count, step } = value as { from: number; to: number; count?: number; step?: number };
    if (typeof count === 'number' && Number.isInteger(count) && count >= 2 && count <= 10_000)
      return expandAxis({ from, to, count });
    if (typeof step === 'number' && step > 0 && (to - from) / step < 10_000)
      return expandAxis({ from, to, step });
  }
  return Array.isArray(value) ? value.filter((one): one is number => typeof one === 'number') : [];
}

function criticalLine(activation: Json): Point[] {
  if (!isFields(activation) || typeof activation.name !== 'string') return [];
  const parameters = Object.entries(activation).filter(([key]) => key !== 'name');
  if (parameters.some(([, value]) => typeof value !== 'number')) return [];
  return Array.from({ length: linePoints + 1 }, (_, i) => (most.bias * i) / linePoints).flatMap((bias) => {
    const weight = criticalWeightVariance(activation as unknown as Activation, bias);
    return weight === null || weight > most.weight ? [] : [{ weight, bias }];
  });
}
