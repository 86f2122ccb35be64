/** Who asks, and what they may see: one hook over every route. */
import { projectExists, projectOf } from '@tessera/database';
import { allProjects, defaultProject, isProjectName, mayAct, type Role, TesseraError } from '@tessera/spec';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AppContext } from '../app-context.js';
import { isExperimentId } from '../experiment-id.js';
import { type Authenticator, openAuthenticator } from './authenticate.js';
import { refuseOtherSites } from './same-site.js';

/** Whom a request comes from. */
export interface Access {
  /** Null where a browser or a program of this machine asks without a key, and none is needed. */
  keyId: string | null;
  role: Role;
  /** Where what it makes belongs, and where names of data sets are looked up. */
  project: string;
  /** The one project it sees; null: every one. */
  sees: string | null;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route below /v1 but the public ones. */
    access: Access;
  }
  interface FastifyInstance {
    authenticator: Authenticator;
  }
  interface FastifyContextConfig {
    /**
     * Who may use a route; left out, below `/v1`: a viewer for GET and HEAD, a submitter for all else, and elsewhere
     * everybody.
     */
    role?: Role | 'public';
    /** The route is about all projects at once: it takes a key of every one. */
    everyProject?: boolean;
  }
}

/**
 * Adds the check to every route that is registered after it. What lies below `/v1/experiments/:id` is there only for
 * those who see the experiment's project: for all others it is not found.
 */
export function installAccess(app: FastifyInstance, context: AppContext): void {
  const authenticator = openAuthenticator(context);
  app.decorate('authenticator', authenticator);
  app.decorateRequest('access', null as unknown as Access);
  app.addHook('onRequest', async (request) => {
    refuseOtherSites(request, context.settings, authenticator.isRequired);
    const needed = neededRole(request);
    if (needed === 'public') return;
    const access = await inChosenProject(context, request, await authenticator.authenticate(request));
    request.access = access;
    if (!mayAct(access.role, needed))
      throw new TesseraError('forbidden', `This needs a key of the role ${needed}; yours is ${access.role}.`);
    if (request.routeOptions.config.everyProject && access.keyId !== null && access.sees !== null)
      throw new TesseraError('forbidden', `This needs a key of every project; yours is of ${access.sees}.`);
    const route = request.routeOptions.url ?? '';
    if (/^\/v1\/experiments\/:id(\/|$)/.test(route)) {
      const { id } = request.params as { id: string };
      const owner = isExperimentId(id) ? await projectOf(context.db, id) : null;
      if (!isSeen(access, owner)) throw noExperiment(id);
    }
  });
}

/** Whether whoever asks sees what belongs to a project; null: to none, because it is not there. */
const isSeen = ({ sees }: Access, project: string | null) =>
  project !== null && (sees === null || sees === project);

/** The same sentence for what is not there and for what others have. */
export const noExperiment = (id: string) =>
  new TesseraError('not-found', `There is no experiment ${JSON.stringify(id.slice(0, 80))}.`);

function neededRole(request: FastifyRequest): Role | 'public' {
  const { url, config } = request.routeOptions;
  if (request.is404 || url === undefined || request.method === 'OPTIONS') return 'public';
  if (config.role !== undefined) return config.role;
  if (!url.startsWith('/v1/')) return 'public';
  return request.method === 'GET' || request.method === 'HEAD' ? 'viewer' : 'submitter';
}

/** A key of every project works in the one that the header `Tessera-Project` names, and then sees no other. */
async function inChosenProject(
  { db }: AppContext,
  request: FastifyRequest,
  { keyId, role, project }: { keyId: string | null; role: Role; project: string },
): Promise<Access> {
  const chosen = request.headers['tessera-project'];
  if (chosen === undefined || chosen === project) {
    return project === allProjects
      ? { keyId, role, project: defaultProject, sees: null }
      : { keyId, role, project, sees: project };
  }
  if (project !== allProjects)
    throw new TesseraError('forbidden', `The key is of the project ${project} only.`);
  if (typeof chosen !== 'string' || !isProjectName(chosen) || !(await projectExists(db, chosen)))
    throw new TesseraError('invalid-request', 'The header Tessera-Project names no project.');
  return { keyId, role, project: chosen, sees: chosen };
}
