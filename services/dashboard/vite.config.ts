import { defineConfig } from 'vite';

/** `npm run dev -w services/dashboard` serves the sources and passes API requests to the stack on its default port. */
const api = 'http://127.0.0.1:7878';

export default defineConfig({
  build: {
    outDir: 'build',
    target: 'es2022',
    // A file in a data: address would need a hole in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The PDF writer, loaded when a PDF is asked for.
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      onLog(level, log, handle) {
        // Packages mark what runs in browsers for servers that render; there is none here.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
    },
  },
  server: {
    proxy: Object.fromEntries(['/v1', '/openapi.json', '/docs', '/readyz'].map((path) => [path, api])),
  },
});
