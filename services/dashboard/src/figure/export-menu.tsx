/** A figure as a file: SVG and PNG as it is shown, PDF as it is printed, its data as CSV and .npy. */
import {
  drawFigure,
  type Figure,
  type FigureData,
  type FigureName,
  printWidths,
  tableCsv,
  tableNpy,
} from '@tessera/figures';
import { useRef, useState } from 'react';
import { useTheme } from '../ui/theme.js';
import { savePdf, savePng, saveText } from './save.js';

interface ExportMenuProps<Name extends FigureName> {
  name: Name;
  data: FigureData[Name];
  title: string;
  figure: Figure;
}

export function ExportMenu<Name extends FigureName>({ name, data, title, figure }: ExportMenuProps<Name>) {
  const theme = useTheme();
  const [error, setError] = useState<string | null>(null);
  const menu = useRef<HTMLDetailsElement>(null);
  const shown = () => drawFigure(name, data, { width: figure.plot.width, height: figure.plot.height, theme });
  const kinds: [string, () => void | Promise<void>][] = [
    ['SVG', () => saveText(`${name}.svg`, 'image/svg+xml', shown().svg)],
    [
      'PDF, 6.75 in',
      () => {
        const printed = drawFigure(name, data, { width: printWidths.page, theme: 'print' });
        return savePdf(`${name}.pdf`, printed.scene, printed.caption);
      },
    ],
    ['PNG', () => savePng(`${name}.png`, shown().scene)],
    ['CSV', () => saveText(`${name}.csv`, 'text/csv', tableCsv(figure.table))],
    ['.npy', () => saveText(`${name}.npy`, 'application/octet-stream', tableNpy(figure.table))],
  ];
  const save = async (act: () => void | Promise<void>) => {
    setError(null);
    try {
      await act();
      menu.current?.removeAttribute('open');
    } catch (caught) {
      setError((caught as Error).message);
    }
  };
  return (
    <details className="export-menu" ref={menu}>
      <summary aria-label={`Save ${title}`}>Save</summary>
      <div className="export-kinds">
        {kinds.map(([label, act]) => (
          <button key={label} type="button" className="quiet" onClick={() => void save(act)}>
            {label}
          </button>
        ))}
        {error && <p role="alert">{error}</p>}
      </div>
    </details>
  );
}
