/** What a reader needs to make the same numbers: the spec, the version, the checksums. */
import { useQuery } from '@tanstack/react-query';
import type { Experiment } from '@tessera/spec';
import { useState } from 'react';
import { api } from '../../live/api.js';
import { Failure } from '../../ui/notice.js';

export function Cite({ experiment }: { experiment: Experiment }) {
  const [isOpen, setOpen] = useState(false);
  const [isCopied, setCopied] = useState(false);
  const { data: provenance, error } = useQuery({
    queryKey: ['provenance', experiment.id],
    enabled: isOpen,
    queryFn: () => api.getProvenance(experiment.id),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const text =
    provenance &&
    JSON.stringify(
      { experiment: experiment.id, name: experiment.name, ...provenance, spec: experiment.spec },
      null,
      2,
    );
  return (
    <details className="panel cite" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Cite: spec, version, checksums</summary>
      {error && <Failure error={error} />}
      {text && (
        <>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keyboards must reach what scrolls */}
          <pre tabIndex={0}>{text}</pre>
          <button
            type="button"
            onClick={() => {
              void navigator.clipboard.writeText(text).then(() => setCopied(true));
            }}
          >
            {isCopied ? 'Copied' : 'Copy'}
          </button>
        </>
      )}
    </details>
  );
}
