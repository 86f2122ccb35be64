/** Numbers as figures write them: 0.18, 1,000, 1.3 × 10^{-7}. */

/** Three significant digits, or as many as asked for; powers of ten beyond five digits. */
export function numberMarkup(value: number, digits = 3): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) {
    const rounded = size >= 10 ** digits ? Math.round(value) : Number(value.toPrecision(digits));
    return minus(rounded.toLocaleString('en-US', { maximumFractionDigits: 12 }));
  }
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e') as [string, string];
  const power = `10^{${Number(exponent)}}`;
  const factor = String(Number(mantissa));
  if (factor === '1') return power;
  return factor === '-1' ? `−${power}` : `${minus(factor)} × ${power}`;
}

export const percentMarkup = (fraction: number): string => `${Number((100 * fraction).toPrecision(3))} %`;

export const countText = (count: number): string => count.toLocaleString('en-US');

const minus = (text: string) => text.replace('-', '−');
