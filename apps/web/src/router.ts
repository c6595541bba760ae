import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';

export type PageName = 'home' | 'chat' | 'contribute' | 'network' | 'not-found';

const PAGES: Readonly<Record<string, PageName>> = {
  '/': 'home',
  '/chat': 'chat',
  '/contribute': 'contribute',
  '/network': 'network',
};

export interface RouteLocation {
  readonly page: PageName;
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Where the page is; `history` is the only truth. */
export interface Router {
  readonly location: ReadonlySignal<RouteLocation>;
  navigate(href: string, options?: { replace?: boolean }): void;
  /** Turns clicks on links of this site into navigation without a reload. */
  followLink(event: MouseEvent): void;
}

export function parseLocation(url: URL): RouteLocation {
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/+$/, '') : url.pathname;
  return { page: PAGES[path] ?? 'not-found', path, query: url.searchParams };
}

/** Follows the history of `host`. */
export function createRouter(host: Window): Router {
  const location = signal(parseLocation(new URL(host.location.href)));
  const read = () => {
    location.value = parseLocation(new URL(host.location.href));
  };
  host.addEventListener('popstate', read);

  const navigate: Router['navigate'] = (href, { replace = false } = {}) => {
    host.history[replace ? 'replaceState' : 'pushState'](null, '', href);
    read();
  };
  return {
    location,
    navigate,
    followLink(event) {
      if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
      const link = event.target instanceof Element ? event.target.closest('a') : null;
      if (!link || link.target || link.hasAttribute('download')) return;
      const url = new URL(link.href);
      if (url.origin !== host.location.origin || parseLocation(url).page === 'not-found') return;
      // A link within this page (the skip link) is the browser's.
      if (url.hash && url.pathname === host.location.pathname) return;
      event.preventDefault();
      navigate(url.pathname + url.search);
    },
  };
}
