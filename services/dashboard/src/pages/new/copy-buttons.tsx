import { useState } from 'react';
import type { Json } from './schema-values.js';

/** The spec as one would send it from elsewhere. */
const forms: Record<string, (spec: Json) => string> = {
  JSON: (spec) => JSON.stringify(spec, null, 2),
  curl: (spec) =>
    `curl -s ${window.location.origin}/v1/experiments -H 'content-type: application/json' -d '${JSON.stringify(spec).replaceAll("'", "'\\''")}'`,
  Python: (spec) =>
    `import json\nimport tessera\n\nspec = json.loads(r"""${JSON.stringify(spec, null, 2)}""")\nexperiment = tessera.Client("${window.location.origin}").submit(spec, wait=True)\n`,
};

export function CopyButtons({ spec }: { spec: Json }) {
  const [copied, setCopied] = useState('');
  return (
    <div className="row">
      {Object.entries(forms).map(([name, write]) => (
        <button
          key={name}
          type="button"
          onClick={() =>
            void navigator.clipboard.writeText(write(spec)).then(
              () => setCopied(`Copied as ${name}.`),
              () => setCopied('The browser does not let this page copy; mark the text instead.'),
            )
          }
        >
          Copy {name}
        </button>
      ))}
      <span role="status" className="muted">
        {copied}
      </span>
    </div>
  );
}
