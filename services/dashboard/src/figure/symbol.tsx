/** A symbol as the field writes it: what follows `_`, up to a comma, stands lower. */
export function SymbolText({ of }: { of: string }) {
  const [, base, lower, rest] = /^([^_]+)_([^,]+)(.*)$/.exec(of) ?? [];
  if (base === undefined) return of;
  return (
    <>
      {base}
      <sub>{lower}</sub>
      {rest}
    </>
  );
}
