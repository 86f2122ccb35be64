export { DataFolderInUse, holdDataFolder } from './data-folder.js';
export { endWithParent } from './end-with-parent.js';
export { freePort, startPostgres } from './postgres.js';
export { removeDataFolder } from './remove-data-folder.js';
export { superviseProcess } from './supervise.js';
//# sourceMappingURL=index.js.map