import type { ReactNode } from 'react';
import { Link, useRoute } from 'wouter';
import { SessionEnd } from '../session/session-end.js';
import { applyTheme, type ThemeChoice, useThemeChoice } from './theme.js';

/** Name, navigation and the choice of light or dark around a page. */
export function Frame({ children }: { children: ReactNode }) {
  return (
    <>
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <header className="frame">
        <Link href="/" className="frame-name">
          <img src="/icon.svg" alt="" width="18" height="18" />
          Tessera
        </Link>
        <nav aria-label="Pages">
          <Place href="/">Experiments</Place>
          <Place href="/compare">Compare</Place>
          <Place href="/theory">Theory</Place>
          <Place href="/cluster">Cluster</Place>
        </nav>
        <div className="frame-end">
          <ThemeSwitch />
          <SessionEnd />
        </div>
      </header>
      <main id="page" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function Place({ href, children }: { href: string; children: ReactNode }) {
  const [isExact] = useRoute(href);
  const [isBelow] = useRoute('/experiments/*?');
  const isHere = isExact || (href === '/' && isBelow);
  return (
    <Link href={href} aria-current={isHere ? 'page' : undefined}>
      {children}
    </Link>
  );
}

function ThemeSwitch() {
  const choice = useThemeChoice();
  return (
    <label className="quiet-select">
      <span className="hidden-label">Colours</span>
      <select value={choice} onChange={(event) => applyTheme(event.target.value as ThemeChoice)}>
        <option value="system">System colours</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}
