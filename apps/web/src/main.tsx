import { render } from 'preact';
import './styles/layers.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/components.css';
import { App } from './app.tsx';
import { createSite } from './site.ts';
import { guardBattery } from './state/battery-guard.ts';
import { RATE_SAMPLE_INTERVAL_MS } from './constants.ts';

const site = createSite(window, async (bootstrap) => {
  const { createSiteNode } = await import('./node/site-node.ts');
  return createSiteNode(bootstrap, window.location.origin);
});

const lifetime = new AbortController();
void site.relay.run(lifetime.signal);
guardBattery({ contribute: site.contribute, onBattery: site.onBattery, wanted: site.settings.pauseOnBattery });
setInterval(site.contribute.sample, RATE_SAMPLE_INTERVAL_MS);

const look = () => {
  if (document.visibilityState === 'visible') site.relay.check();
};
window.addEventListener('online', look);
document.addEventListener('visibilitychange', look);
// The tab is going: peers learn it now instead of by silence.
window.addEventListener('pagehide', () => void site.node.node.value?.stop());
// Brought back from the browser's memory, its connections are gone: start afresh.
window.addEventListener('pageshow', (event) => {
  if (event.persisted) window.location.reload();
});

render(<App site={site} />, document.getElementById('app') as HTMLElement);
