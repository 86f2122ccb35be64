/** The Helm chart, rendered, as the tests look at it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { findHelm } from '../scripts/bootstrap/helm.mjs';
import { repository } from './compose-file.js';

export const helm: string | null = findHelm();

interface Probe {
  httpGet?: { path: string; port: string };
  exec?: { command: string[] };
}
export interface Container {
  name: string;
  image: string;
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[];
  ports?: { name: string; containerPort: number }[];
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  securityContext: {
    allowPrivilegeEscalation: boolean;
    readOnlyRootFilesystem: boolean;
    capabilities: { drop: string[] };
  };
  resources: { requests: Record<string, string>; limits: Record<string, string | number> };
  volumeMounts: { name: string; mountPath: string }[];
}
export interface PodSpec {
  enableServiceLinks: boolean;
  automountServiceAccountToken: boolean;
  serviceAccountName?: string;
  hostNetwork?: boolean;
  hostPID?: boolean;
  terminationGracePeriodSeconds?: number;
  nodeSelector?: Record<string, string>;
  securityContext: { runAsNonRoot: boolean; runAsUser: number; seccompProfile: { type: string } };
  containers: Container[];
  initContainers?: Container[];
  volumes?: {
    name: string;
    hostPath?: object;
    secret?: { secretName: string; items: { key: string; path: string }[] };
    persistentVolumeClaim?: { claimName: string };
  }[];
}
type Labels = Record<string, string>;
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels: Labels; annotations?: Labels };
  // What of it is there depends on the kind; the schemas have seen to that.
  // biome-ignore lint/suspicious/noExplicitAny: a manifest of any kind
  spec: any;
}

/** @throws Error with what helm says */
export async function renderChart(args: readonly string[]): Promise<Manifest[]> {
  const { stdout } = await promisify(execFile)(
    helm as string,
    ['template', 'tessera', `${repository}infra/helm/tessera`, '--namespace', 'lab', ...args],
    { maxBuffer: 2 ** 26 },
  );
  return readManifests(stdout);
}

/** In the order of kind and name. @throws Error for two of one name */
export function readManifests(text: string): Manifest[] {
  const manifests = parseAllDocuments(text)
    .map((document) => {
      if (document.errors.length > 0) throw document.errors[0];
      return document.toJS() as Manifest | null;
    })
    .filter((manifest) => manifest !== null);
  const id = ({ kind, metadata }: Manifest) => `${kind}/${metadata.name}`;
  if (new Set(manifests.map(id)).size !== manifests.length) throw new Error('Two manifests have one name.');
  return manifests.sort((a, b) => (id(a) < id(b) ? -1 : 1));
}

/** Every pod that a manifest makes. */
export function podOf({ kind, metadata, spec }: Manifest): { labels: Labels; pod: PodSpec } | null {
  if (kind === 'Pod') return { labels: metadata.labels, pod: spec };
  return spec?.template?.spec?.containers
    ? { labels: spec.template.metadata.labels, pod: spec.template.spec }
    : null;
}

export const selects = (selector: Labels, labels: Labels) =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);
