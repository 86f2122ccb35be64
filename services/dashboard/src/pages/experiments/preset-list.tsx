import { Link } from 'wouter';
import { presets } from '../new/presets.js';

/** Instead of an empty list: the paper's experiments, a click away. */
export function PresetList({ isAllowed }: { isAllowed: boolean }) {
  return (
    <section className="panel">
      <h2>There is no experiment yet</h2>
      {isAllowed ? (
        <>
          <p>These are the paper's. Each opens as a form that can be changed before it starts.</p>
          <ul className="presets">
            {presets.map(({ key, title, what }) => (
              <li key={key}>
                <Link href={`/new?preset=${key}`}>{title}</Link>
                <span className="muted">{what}</span>
              </li>
            ))}
          </ul>
        </>
      ) : (
        <p>Your key may look and not create. A key of the role submitter may.</p>
      )}
    </section>
  );
}
