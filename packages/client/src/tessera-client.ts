/** The REST API, one method a route. */
import type {
  AnalysisRow,
  ArrayInfo,
  Cluster,
  CollectReport,
  CollectRequest,
  CreatedKey,
  DatasetInfo,
  Experiment,
  ExperimentEvent,
  ExperimentHistory,
  ExperimentSpec,
  ExperimentSpecInput,
  ExperimentState,
  KernelName,
  KeyInfo,
  KeyRequestInput,
  Page,
  PlanSummary,
  ProjectInfo,
  ProjectLimits,
  SessionInfo,
  TheoryRequest,
  TheoryResponse,
  TheoryRow,
  TileDetail,
  TrainingRow,
} from '@tessera/spec';
import { openFile, saveBody } from './files.js';
import { baseUrl, type Query, type RequestOptions, type Server, send, sendForJson } from './http.js';
import { itemsOf } from './pages.js';
import { type WatchOptions, watchExperiment } from './watch.js';

export interface PageOptions {
  cursor?: string | undefined;
  /** Items of a page, 1 to 1000; the server's default is 100. */
  limit?: number | undefined;
}
export interface ExperimentFilter {
  state?: ExperimentState | undefined;
}
/** Values must be those of the grid, exactly. */
export interface AnalysisFilter {
  kernel?: KernelName | undefined;
  weightVariance?: number | undefined;
  biasVariance?: number | undefined;
  depth?: number | undefined;
}
export interface TrainingFilter extends Omit<AnalysisFilter, 'kernel'> {
  seed?: number | undefined;
}
/**
 * What part of an array: `weightVariance: 1.5` by coordinate, `depthIndex: 3` by index, `train: '0:256'` a
 * range of positions.
 */
export type ArraySelection = Query;
/** Class of each image by position. */
export interface ExperimentLabels {
  classNames: string[] | null;
  train: number[];
  test: number[];
}

/** A client of one server. Every method throws TesseraError or ConnectionError. */
export class TesseraClient {
  /** The server's address, without a slash at its end. */
  readonly url: string;
  readonly #server: Server;

  /**
   * @param options.key shown to a server that asks for one
   * @throws TypeError where `url` is no http(s) URL
   */
  constructor(url: string, options: { key?: string | null } = {}) {
    this.url = baseUrl(url);
    this.#server = { url: this.url, key: options.key ?? null };
  }

  createExperiment(
    spec: ExperimentSpecInput | ExperimentSpec,
    options: { idempotencyKey?: string } = {},
  ): Promise<Experiment> {
    const headers: Record<string, string> =
      options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey };
    return this.#json('/v1/experiments', { method: 'POST', json: spec, headers });
  }

  /** The plan of a spec alone: nothing is created. */
  planExperiment(spec: ExperimentSpecInput | ExperimentSpec): Promise<PlanSummary> {
    return this.#json('/v1/plans', { method: 'POST', json: spec });
  }

  /** One page of experiments, newest first. */
  listExperiments(options: ExperimentFilter & PageOptions = {}): Promise<Page<Experiment>> {
    return this.#json('/v1/experiments', { query: { ...options } });
  }

  /** Every experiment, newest first. */
  experiments(filter: ExperimentFilter = {}): AsyncGenerator<Experiment> {
    return itemsOf((cursor) => this.listExperiments({ ...filter, cursor }));
  }

  getExperiment(id: string): Promise<Experiment> {
    return this.#json(experimentPath(id));
  }

  /** The experiment's events until it ends, over lost connections. */
  watch(id: string, options: WatchOptions = {}): AsyncGenerator<ExperimentEvent> {
    return watchExperiment(this.#server, `${experimentPath(id)}/events`, options);
  }

  /** Waits until the experiment has ended, and returns it. */
  async waitFor(id: string, options: WatchOptions = {}): Promise<Experiment> {
    for await (const _ of this.watch(id, options));
    return this.getExperiment(id);
  }

  cancelExperiment(id: string): Promise<Experiment> {
    return this.#json(`${experimentPath(id)}/cancel`, { method: 'POST' });
  }

  retryExperiment(id: string): Promise<Experiment> {
    return this.#json(`${experimentPath(id)}/retry`, { method: 'POST' });
  }

  async deleteExperiment(id: string): Promise<void> {
    await this.#discard(experimentPath(id), { method: 'DELETE' });
  }

  /** The log, the progress over time, and failures by cause; `limit` lines of the log. */
  getHistory(id: string, options: { limit?: number } = {}): Promise<ExperimentHistory> {
    return this.#json(`${experimentPath(id)}/history`, { query: { ...options } });
  }

  /** Kernels and tiles, or what has changed of them `since` a cursor: a header and records (see /docs), unread. */
  openTiles(
    id: string,
    options: { since?: string | undefined; from?: string | undefined; signal?: AbortSignal } = {},
  ): Promise<Response> {
    const { signal, ...query } = options;
    return send(this.#server, `${experimentPath(id)}/tiles`, { query, signal });
  }

  /** One tile: where it lies, who computed it, what happened to it. */
  getTile(id: string, kernel: number, tile: number): Promise<TileDetail> {
    return this.#json(`${experimentPath(id)}/tiles/${kernel}/${tile}`);
  }

  /** Workers, queues, leases, sizes. */
  getCluster(): Promise<Cluster> {
    return this.#json('/v1/cluster');
  }

  /** One page of result rows, in grid order. */
  listAnalyses(id: string, options: AnalysisFilter & PageOptions = {}): Promise<Page<AnalysisRow>> {
    return this.#json(`${experimentPath(id)}/analyses`, { query: { ...options } });
  }

  /** Every result row, in grid order. */
  analyses(id: string, filter: AnalysisFilter = {}): AsyncGenerator<AnalysisRow> {
    return itemsOf((cursor) => this.listAnalyses(id, { ...filter, cursor, limit: 1000 }));
  }

  /** The result rows as CSV, unread. */
  openAnalysesCsv(id: string, filter: AnalysisFilter = {}): Promise<Response> {
    return send(this.#server, `${experimentPath(id)}/analyses.csv`, { query: { ...filter } });
  }

  /** One page of trained networks, in grid order. */
  listTrainings(id: string, options: TrainingFilter & PageOptions = {}): Promise<Page<TrainingRow>> {
    return this.#json(`${experimentPath(id)}/trainings`, { query: { ...options } });
  }

  /** Every trained network, in grid order. */
  trainings(id: string, filter: TrainingFilter = {}): AsyncGenerator<TrainingRow> {
    return itemsOf((cursor) => this.listTrainings(id, { ...filter, cursor, limit: 1000 }));
  }

  listArrays(id: string): Promise<ArrayInfo[]> {
    return this.#json(`${experimentPath(id)}/arrays`);
  }

  /** An array, or a part of it, as `.npy`, unread. */
  openArray(id: string, name: string, selection: ArraySelection = {}): Promise<Response> {
    return send(this.#server, `${experimentPath(id)}/arrays/${encodeURIComponent(name)}.npy`, {
      query: selection,
    });
  }

  /** Streams an array, or a part of it, into an `.npy` file; returns the bytes written. */
  async saveArray(
    id: string,
    name: string,
    file: string,
    options: { selection?: ArraySelection; onBytes?: (bytes: number, total: number | null) => void } = {},
  ): Promise<number> {
    const response = await this.openArray(id, name, options.selection);
    const length = response.headers.get('content-length');
    const total = length === null ? null : Number(length);
    return saveBody(response, file, (bytes) => options.onBytes?.(bytes, total));
  }

  /**
   * A block of a kept kernel matrix at a resolution, as `.npy`, unread: `rows: '0:500'`, `width: 512`,
   * `order: 'class'`, `reduce: 'mean'`, and the grid point.
   */
  openMatrix(id: string, name: string, block: ArraySelection = {}): Promise<Response> {
    return send(this.#server, `${experimentPath(id)}/matrices/${encodeURIComponent(name)}.npy`, {
      query: block,
    });
  }

  /** The classes of the chosen images, in file order. */
  getLabels(id: string): Promise<ExperimentLabels> {
    return this.#json(`${experimentPath(id)}/labels`);
  }

  /** What the numbers were made of and by: software, data set and chosen images, with their checksums. */
  getProvenance(id: string): Promise<Record<string, unknown>> {
    return this.#json(`${experimentPath(id)}/provenance`);
  }

  /**
   * Uploads an `.npz`; `created` is false where the name already held the same bytes. With `bytes`, the length
   * of a stream, the server can refuse what is too large before it is sent.
   */
  async putDataset(
    name: string,
    body: ReadableStream<Uint8Array> | Blob | Uint8Array<ArrayBuffer>,
    options: { bytes?: number } = {},
  ): Promise<{ dataset: DatasetInfo; created: boolean }> {
    const headers: Record<string, string> = { 'content-type': 'application/x-npz' };
    if (options.bytes !== undefined) headers['content-length'] = String(options.bytes);
    const response = await send(this.#server, datasetPath(name), { method: 'PUT', body, headers });
    return { dataset: (await response.json()) as DatasetInfo, created: response.status === 201 };
  }

  /** Uploads an `.npz` file, streamed. */
  async putDatasetFile(name: string, file: string): Promise<{ dataset: DatasetInfo; created: boolean }> {
    const { stream, bytes } = await openFile(file);
    return this.putDataset(name, stream, { bytes });
  }

  /** One page of data sets, newest first. */
  listDatasets(options: PageOptions = {}): Promise<Page<DatasetInfo>> {
    return this.#json('/v1/datasets', { query: { ...options } });
  }

  /** Every data set, newest first. */
  datasets(): AsyncGenerator<DatasetInfo> {
    return itemsOf((cursor) => this.listDatasets({ cursor }));
  }

  getDataset(name: string): Promise<DatasetInfo> {
    return this.#json(datasetPath(name));
  }

  async deleteDataset(name: string): Promise<void> {
    await this.#discard(datasetPath(name), { method: 'DELETE' });
  }

  /** Mean-field theory at every point of the request, row by row of weightVariance, then biasVariance. */
  async theory(request: TheoryRequest): Promise<TheoryRow[]> {
    const response: TheoryResponse = await this.#json('/v1/theory', { method: 'POST', json: request });
    return response.items;
  }

  /** Streams the archive of a completed experiment into a file; returns the bytes written. */
  async saveArchive(id: string, file: string): Promise<number> {
    return saveBody(await send(this.#server, `${experimentPath(id)}/archive`), file);
  }

  /** Restores an experiment from an archive, streamed. */
  async restoreArchive(file: string): Promise<Experiment> {
    const { stream, bytes } = await openFile(file);
    const headers = { 'content-type': 'application/x-tar', 'content-length': String(bytes) };
    return this.#json('/v1/restore', { method: 'POST', body: stream, headers });
  }

  /** Deletes, or only lists, experiments that ended long ago. */
  collect(request: CollectRequest): Promise<CollectReport> {
    return this.#json('/v1/gc', { method: 'POST', json: request });
  }

  /** Whom the server takes this client for. */
  session(): Promise<SessionInfo> {
    return this.#json('/v1/session');
  }

  /** Makes a key: the one answer that has its text. */
  createKey(request: KeyRequestInput): Promise<CreatedKey> {
    return this.#json('/v1/keys', { method: 'POST', json: request });
  }

  /** Every key that this client's sees, newest first. */
  keys(): AsyncGenerator<KeyInfo> {
    return itemsOf((cursor) => this.#json<Page<KeyInfo>>('/v1/keys', { query: { cursor, limit: 1000 } }));
  }

  async revokeKey(id: string): Promise<void> {
    await this.#discard(`/v1/keys/${encodeURIComponent(id)}`, { method: 'DELETE' });
  }

  async listProjects(): Promise<ProjectInfo[]> {
    return (await this.#json<{ items: ProjectInfo[] }>('/v1/projects')).items;
  }

  setProjectLimits(project: string, limits: ProjectLimits): Promise<ProjectInfo> {
    return this.#json(`/v1/projects/${encodeURIComponent(project)}`, { method: 'PUT', json: limits });
  }

  /** Resolves when the server can take work; throws TesseraError `unavailable` where a part of it is down. */
  async ready(): Promise<void> {
    await this.#discard('/readyz');
  }

  #json<T>(path: string, options?: RequestOptions): Promise<T> {
    return sendForJson<T>(this.#server, path, options);
  }

  async #discard(path: string, options?: RequestOptions): Promise<void> {
    const response = await send(this.#server, path, options);
    await response.body?.cancel();
  }
}

const experimentPath = (id: string) => `/v1/experiments/${encodeURIComponent(id)}`;
const datasetPath = (name: string) => `/v1/datasets/${encodeURIComponent(name)}`;
