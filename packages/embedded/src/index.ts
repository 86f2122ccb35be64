export { type DataFolder, DataFolderInUse, holdDataFolder } from './data-folder.js';
export { endWithParent } from './end-with-parent.js';
export {
  type EmbeddedPostgres,
  freePort,
  type PostgresOptions,
  runningPostgres,
  startPostgres,
} from './postgres.js';
export { removeDataFolder } from './remove-data-folder.js';
export { type ServiceOptions, type SupervisedProcess, superviseProcess } from './supervise.js';
