import { computed, effect } from '@preact/signals';
import { render } from 'preact';
import './styles/layers.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/components.css';
import { App } from './app.tsx';
import { RATE_SAMPLE_INTERVAL_MS } from './constants.ts';
import { createSite } from './site.ts';
import { obeyHolds } from './state/holds.ts';
import { isOn } from './state/is-on.ts';
import { keepAwake } from './state/wake-lock.ts';

const site = createSite(window, async (bootstrap, region) => {
  const { createSiteNode } = await import('./node/site-node.ts');
  return createSiteNode(bootstrap, window.location.origin, region);
});
const { contribute, holds, mark, memory, relay, settings } = site;

const lifetime = new AbortController();
void relay.run(lifetime.signal);
obeyHolds({ contribute, holds });
effect(() => contribute.setShare(settings.share.value));
keepAwake(
  window,
  computed(() => settings.keepAwake.value && isOn(contribute.snapshot.value)),
);
setInterval(site.tick, RATE_SAMPLE_INTERVAL_MS);

const look = () => {
  if (document.visibilityState === 'visible') relay.check();
};
window.addEventListener('online', look);
document.addEventListener('visibilitychange', look);
// The tab is going: peers learn it now instead of by silence.
window.addEventListener('pagehide', () => {
  mark.end();
  void site.node.node.value?.stop();
});
// Brought back from the browser's memory, its connections are gone: start afresh.
window.addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  memory.restored();
  window.location.reload();
});
// Put away by the browser while it lent: it goes on where it was.
const lent = memory.takeUp();
if (lent !== null) {
  void relay.whenReachable(lifetime.signal).then(({ catalog }) => {
    const { model, ...wish } = lent;
    const entry = catalog.find(({ id }) => id === model);
    return entry && contribute.start({ ...wish, entry, when: 'wait' });
  });
}

render(<App site={site} />, document.getElementById('app') as HTMLElement);
