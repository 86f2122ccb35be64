/** Who may do what over the REST API: roles, keys, sessions and projects. */
import { type Static, Type } from 'typebox';
import { inputSchemaOf, type JsonSchema } from './json-schema.js';

/** From least to most: each may do what those before it may. */
export const roles = ['viewer', 'submitter', 'admin'] as const;
export type Role = (typeof roles)[number];
/** Whether a role may do what another one is needed for. */
export const mayAct = (role: Role, needed: Role) => roles.indexOf(role) >= roles.indexOf(needed);

/** Where a key's project is meant to be every one. */
export const allProjects = '*';
/** Whose what was made without a key is. */
export const defaultProject = 'default';

const roleSchema = Type.Unsafe<Role>({ type: 'string', enum: [...roles] });
const time = Type.String({ format: 'date-time' });
const timeOrNull = Type.Union([time, Type.Null()]);
/** @param maximum what the database's column holds */
const limitOrNull = (maximum: number) => Type.Union([Type.Integer({ minimum: 0, maximum }), Type.Null()]);

const projectNameRule = '1 to 63 small letters, digits and "-", the first no "-"';
export const projectNameSchema = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
  description: projectNameRule,
});
export const isProjectName = (text: string) => /^[a-z0-9][a-z0-9-]{0,62}$/.test(text);

/** `GET /v1/session`: whom the server takes the request to come from. */
export const sessionSchema = Type.Object({
  required: Type.Boolean({ description: 'Whether a key is needed for anything else.' }),
  role: Type.Union([roleSchema, Type.Null()]),
  project: Type.Union([Type.String(), Type.Null()], { description: '"*": every project.' }),
});
export type SessionInfo = Static<typeof sessionSchema>;

export const sessionRequestSchema = Type.Object(
  { key: Type.String({ minLength: 1, maxLength: 200 }) },
  { additionalProperties: false },
);
export type SessionRequest = Static<typeof sessionRequestSchema>;

/** A key without its secret. */
export const keyInfoSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  role: roleSchema,
  project: Type.String({ description: '"*": every project.' }),
  createdAt: time,
  expiresAt: timeOrNull,
  revokedAt: timeOrNull,
});
export type KeyInfo = Static<typeof keyInfoSchema>;

export const keyRequestSchema = Type.Object(
  {
    role: roleSchema,
    project: Type.Union(
      [
        Type.String({
          pattern: '^([a-z0-9][a-z0-9-]{0,62}|\\*)$',
          description: `${projectNameRule}, or "*" for every project`,
        }),
        Type.Null(),
      ],
      { default: null, description: 'null: the project of the asking key. "*": every project.' },
    ),
    name: Type.String({
      maxLength: 200,
      pattern: '^[^\\p{Cc}\\p{Cs}]*$',
      default: '',
      description: 'text without control characters',
    }),
    expiresInSeconds: Type.Union([Type.Integer({ minimum: 1, maximum: 10 * 366 * 86_400 }), Type.Null()], {
      default: null,
    }),
  },
  { additionalProperties: false },
);
/** What a client writes. */
export const keyRequestInputSchema: object = inputSchemaOf(keyRequestSchema as JsonSchema);
export type KeyRequestInput = Partial<KeyRequest> & Pick<KeyRequest, 'role'>;
export type KeyRequest = Static<typeof keyRequestSchema>;

/** A key that was just made: the only answer that has its text. */
export const createdKeySchema = Type.Object({ ...keyInfoSchema.properties, key: Type.String() });
export type CreatedKey = Static<typeof createdKeySchema>;

/** What a project may hold; null: as much as it likes. */
export const projectLimitsSchema = Type.Object(
  {
    runningTiles: limitOrNull(2 ** 31 - 1),
    storedBytes: limitOrNull(Number.MAX_SAFE_INTEGER),
    experiments: limitOrNull(2 ** 31 - 1),
  },
  { additionalProperties: false },
);
export type ProjectLimits = Static<typeof projectLimitsSchema>;
const count = Type.Integer({ minimum: 0 });
export const projectInfoSchema = Type.Object({
  name: Type.String(),
  usage: Type.Object({ runningTiles: count, storedBytes: count, experiments: count }),
  limits: projectLimitsSchema,
});
export type ProjectInfo = Static<typeof projectInfoSchema>;
