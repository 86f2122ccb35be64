/** A number with three significant digits, powers as 1.3 × 10⁻⁷. */
export function numberText(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size >= 1e-3 && size < 1e5)
    return Number(value.toPrecision(digits)).toLocaleString('en-US', { maximumFractionDigits: 12 });
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e') as [string, string];
  return `${mantissa} × 10${[...String(Number(exponent))].map((digit) => superscripts[digit] ?? '').join('')}`;
}

const superscripts: Record<string, string> = Object.fromEntries(
  [...'-0123456789'].map((digit, i) => [digit, [...'⁻⁰¹²³⁴⁵⁶⁷⁸⁹'][i] as string]),
);

export const percentText = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : `${numberText(100 * value)} %`;
