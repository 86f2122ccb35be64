/** Files made in the browser. */
import interUrl from '@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf?url';
import type { Scene } from '@tessera/figures';
import { drawScene } from '@tessera/figures/canvas';

export function saveText(name: string, type: string, content: string | Uint8Array<ArrayBuffer>): void {
  saveBlob(name, new Blob([content], { type }));
}

/** The PDF writer and its font are loaded now. */
export async function savePdf(name: string, scene: Scene, title: string): Promise<void> {
  const [{ toPdf }, font] = await Promise.all([
    import('@tessera/figures/pdf'),
    fetch(interUrl).then((response) => response.arrayBuffer()),
  ]);
  saveText(name, 'application/pdf', await toPdf(scene, new Uint8Array(font), title));
}

/** Two pixels for each of the screen's. */
export async function savePng(name: string, scene: Scene): Promise<void> {
  const ratio = 2;
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(scene.width * ratio);
  canvas.height = Math.round(scene.height * ratio);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('This browser has no canvas to draw on.');
  await document.fonts.ready;
  drawScene(context, scene, ratio, {
    drawPixels({ x, y, width, height, pixels, isSmooth = false }) {
      const cells = document.createElement('canvas');
      cells.width = pixels.width;
      cells.height = pixels.height;
      const image = new ImageData(Uint8ClampedArray.from(pixels.rgba), pixels.width, pixels.height);
      cells.getContext('2d')?.putImageData(image, 0, 0);
      context.imageSmoothingEnabled = isSmooth;
      context.drawImage(cells, x, y, width, height);
    },
    setFill(color) {
      context.fillStyle = color;
    },
    setStroke(color) {
      context.strokeStyle = color;
    },
    setLineJoin() {
      context.lineJoin = 'round';
    },
  });
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (blob === null) throw new Error('The picture is too large for this browser.');
  saveBlob(name, blob);
}

function saveBlob(name: string, blob: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
