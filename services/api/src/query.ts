/** Query parameters: read, checked, and described for OpenAPI, from one declaration. */
import {
  type ExperimentState,
  experimentStates,
  type Problem,
  pageLimits,
  TesseraError,
} from '@tessera/spec';
import { type TSchema, Type } from 'typebox';

/** One query parameter. `read` throws a sentence that finishes "NAME ..." when the text will not do. */
export interface Parameter<T> {
  schema: TSchema;
  read(text: string): T;
}
export type Parameters = Record<string, Parameter<unknown>>;
/** The values of declared parameters; null where the request does not have one. */
export type ParameterValues<P extends Parameters> = {
  [K in keyof P]: P[K] extends Parameter<infer T> ? T | null : never;
};

/** What `Parameter.read` throws. */
export class UnreadableParameter extends Error {}

/**
 * Reads a query by its declaration.
 * @param query what the router made of the query string: text, or a list where a name came twice
 * @throws TesseraError `invalid-request` with every problem, unknown names among them
 */
export function readQuery<P extends Parameters>(query: unknown, parameters: P): ParameterValues<P> {
  const problems: Problem[] = [];
  const values: Record<string, unknown> = Object.fromEntries(
    Object.keys(parameters).map((name) => [name, null]),
  );
  for (const [name, given] of Object.entries(query as Record<string, string | string[]>)) {
    const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    const report = (message: string) => problems.push({ pointer: queryPointer(name), message });
    if (!parameter) {
      const known = Object.keys(parameters);
      report(
        `${name} is not a parameter here; ${known.length > 0 ? `there are ${known.join(', ')}.` : 'there are none.'}`,
      );
    } else if (typeof given !== 'string') {
      report(`${name} is given ${given.length} times; write it once.`);
    } else {
      try {
        values[name] = parameter.read(given);
      } catch (error) {
        if (!(error instanceof UnreadableParameter)) throw error;
        report(`${name} ${error.message}`);
      }
    }
  }
  if (problems.length > 0) throw invalidQuery(problems);
  return values as ParameterValues<P>;
}

export function invalidQuery(problems: readonly Problem[]): TesseraError {
  const number = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new TesseraError('invalid-request', `The query has ${number}.`, { problems });
}

export const queryPointer = (name: string) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** The schema of a query for OpenAPI; every parameter is optional. */
export function querySchema(parameters: Parameters): TSchema {
  return Type.Object(
    Object.fromEntries(Object.entries(parameters).map(([name, { schema }]) => [name, Type.Optional(schema)])),
  );
}

/** A value as a message repeats it. */
export const quoted = (text: string) => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);

export function numberParameter(description: string): Parameter<number> {
  return { schema: Type.Number({ description }), read: readNumber };
}

/** A decimal number as JSON or a language's `repr` writes it; no blanks, no hexadecimal, no Infinity. */
export function readNumber(text: string): number {
  const value = Number(text);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) || !Number.isFinite(value)) {
    throw new UnreadableParameter(`is ${quoted(text)}; write a number.`);
  }
  return value;
}

export function integerParameter(minimum: number, maximum: number, description: string): Parameter<number> {
  return {
    schema: Type.Integer({ minimum, maximum, description }),
    read(text) {
      const value = Number(text);
      if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value;
      throw new UnreadableParameter(
        `is ${quoted(text)}; write a whole number from ${minimum} to ${maximum}.`,
      );
    },
  };
}

export function choiceParameter<T extends string>(choices: readonly T[], description: string): Parameter<T> {
  return {
    schema: Type.Unsafe<T>({ type: 'string', enum: [...choices], description }),
    read(text) {
      if ((choices as readonly string[]).includes(text)) return text as T;
      throw new UnreadableParameter(`is ${quoted(text)}; write one of ${choices.join(', ')}.`);
    },
  };
}

export const limitParameter = {
  schema: Type.Integer({
    minimum: 1,
    maximum: pageLimits.maximum,
    default: pageLimits.default,
    description: 'The most items of one page.',
  }),
  read: integerParameter(1, pageLimits.maximum, '').read,
} satisfies Parameter<number>;

export const stateParameter: Parameter<ExperimentState> = choiceParameter(
  experimentStates,
  'Only experiments in this state.',
);
