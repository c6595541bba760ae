import { useEffect, useRef } from 'preact/hooks';
import { LazyPage } from './components/lazy-page.tsx';
import { Header } from './components/header.tsx';
import { ApiKeyDialog } from './components/api-key-dialog.tsx';
import { HomePage } from './pages/home/home-page.tsx';
import { NotFoundPage } from './pages/not-found-page.tsx';
import { SiteContext } from './site.ts';
import type { PageName } from './router.ts';
import type { Site } from './site.ts';

const TITLES: Readonly<Record<PageName, string>> = {
  home: 'OpenGateway',
  chat: 'Chat · OpenGateway',
  contribute: 'Contribute · OpenGateway',
  network: 'Network · OpenGateway',
  'not-found': 'Not found · OpenGateway',
};

const loadChat = async () => (await import('./pages/chat/chat-page.tsx')).ChatPage;
const loadContribute = async () => (await import('./pages/contribute/contribute-page.tsx')).ContributePage;
const loadNetwork = async () => (await import('./pages/network/network-page.tsx')).NetworkPage;

/** The frame around every page. */
export function App({ site }: { site: Site }) {
  const { page } = site.router.location.value;
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);

  useEffect(() => {
    document.title = TITLES[page];
    // The first page was opened by the browser, which has put the focus where it belongs.
    if (!first.current) {
      main.current?.focus();
      window.scrollTo(0, 0);
    }
    first.current = false;
  }, [page]);

  return (
    <SiteContext.Provider value={site}>
      <div class="frame" onClick={site.router.followLink}>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <Header />
        <main id="main" ref={main} tabIndex={-1}>
          {page === 'home' && <HomePage />}
          {page === 'chat' && <LazyPage key="chat" name="chat" load={loadChat} />}
          {page === 'contribute' && <LazyPage key="contribute" name="contribute page" load={loadContribute} />}
          {page === 'network' && <LazyPage key="network" name="network page" load={loadNetwork} />}
          {page === 'not-found' && <NotFoundPage />}
        </main>
        <ApiKeyDialog />
        <Announcer site={site} />
      </div>
    </SiteContext.Provider>
  );
}

function Announcer({ site }: { site: Site }) {
  return (
    <div class="visually-hidden" role="status" aria-live="polite">
      {site.announcement.value}
    </div>
  );
}
