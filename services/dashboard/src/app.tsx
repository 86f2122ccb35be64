/** The frame around every page: navigation, the session's door, and which page an address shows. */
import { lazy, Suspense } from 'react';
import { Route, Switch } from 'wouter';
import { ExperimentsPage } from './pages/experiments/experiments-page.js';
import { SessionGate } from './session/session-gate.js';
import { Frame } from './ui/frame.js';
import { Loading, Notice, Unreadable } from './ui/notice.js';

// Loaded when first shown: the first view stays small.
const NewExperimentPage = lazy(() => import('./pages/new/new-experiment-page.js'));
const ExperimentPage = lazy(() => import('./pages/experiment/experiment-page.js'));
const ResultsPage = lazy(() => import('./pages/results/results-page.js'));
const ComparePage = lazy(() => import('./pages/compare/compare-page.js'));
const TheoryPage = lazy(() => import('./pages/theory/theory-page.js'));
const ClusterPage = lazy(() => import('./pages/cluster/cluster-page.js'));

export function App() {
  return (
    <Frame>
      <SessionGate>
        <Unreadable>
          <Suspense fallback={<Loading />}>
            <Switch>
              <Route path="/" component={ExperimentsPage} />
              <Route path="/new" component={NewExperimentPage} />
              <Route path="/experiments/:id">{({ id }) => <ExperimentPage id={id} key={id} />}</Route>
              <Route path="/experiments/:id/results">{({ id }) => <ResultsPage id={id} key={id} />}</Route>
              <Route path="/compare" component={ComparePage} />
              <Route path="/theory" component={TheoryPage} />
              <Route path="/cluster" component={ClusterPage} />
              <Route>
                <Notice title="There is no such page">
                  The address may be cut off. <a href="/">Experiments</a> lists everything there is.
                </Notice>
              </Route>
            </Switch>
          </Suspense>
        </Unreadable>
      </SessionGate>
    </Frame>
  );
}
