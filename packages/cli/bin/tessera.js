#!/usr/bin/env node
import { existsSync } from 'node:fs';

// Committed so that `npm ci` links the command before anything is built.
const main = new URL('../dist/main.js', import.meta.url);
if (!existsSync(main)) {
  console.error(
    'tessera is not built yet. Type: npm start (builds and starts everything), or npm run build.',
  );
  process.exit(2);
}
await import(main.href);
