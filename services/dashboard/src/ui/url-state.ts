/** The state of a view lives in the address: what one sees is what one can share. */
import { useCallback } from 'react';
import { useSearchParams } from 'wouter';

/**
 * One query parameter of the address. Setting `fallback` takes it out again.
 *
 * @param options `push` adds a step to the browser's history; else the present one is changed
 */
export function useUrlParam(
  name: string,
  fallback = '',
  options: { push?: boolean } = {},
): [string, (value: string) => void] {
  const [parameters, setParameters] = useSearchParams();
  const { push = false } = options;
  const set = useCallback(
    (value: string) =>
      setParameters(
        (known) => {
          const next = new URLSearchParams(known);
          if (value === fallback) next.delete(name);
          else next.set(name, value);
          return next;
        },
        { replace: !push },
      ),
    [setParameters, name, fallback, push],
  );
  return [parameters.get(name) ?? fallback, set];
}

/** A list in one parameter, separated by commas. */
export function useUrlList(name: string): [string[], (values: readonly string[]) => void] {
  const [text, setText] = useUrlParam(name);
  const set = useCallback((values: readonly string[]) => setText(values.join(',')), [setText]);
  return [text === '' ? [] : text.split(','), set];
}
