import { formatPlural } from '../format/numbers.ts';
import { regionWords, shortPeer } from '../format/names.ts';
import { formatSpan } from '../format/time.ts';
import { regionFigures } from '../state/peer-rows.ts';
import { useSite } from '../site.ts';
import { RegionChip } from './region-chip.tsx';
import { linkedWords } from './region-words.ts';
import { Countdown } from './relay-notice.tsx';
import type { Site } from '../site.ts';

const LINKS = [
  { href: '/chat', page: 'chat', words: 'Chat' },
  { href: '/contribute', page: 'contribute', words: 'Contribute' },
  { href: '/network', page: 'network', words: 'Network' },
] as const;

export function Header() {
  const { router } = useSite();
  const { page } = router.location.value;
  return (
    <header class="header">
      <a
        class="brand"
        href="/"
        aria-label="OpenGateway, start page"
        aria-current={page === 'home' ? 'page' : undefined}
      >
        <Mark />
        <span class="brand-name">OpenGateway</span>
      </a>
      <nav class="nav" aria-label="Pages">
        {LINKS.map((link) => (
          <a key={link.page} href={link.href} aria-current={page === link.page ? 'page' : undefined}>
            {link.words}
          </a>
        ))}
      </nav>
      <div class="chips">
        <RegionChip />
        <ConnectionChip />
      </div>
    </header>
  );
}

function Mark() {
  return (
    <svg
      viewBox="0 0 24 24"
      width="24"
      height="24"
      fill="none"
      stroke="currentColor"
      stroke-width="2.4"
      stroke-linecap="round"
      aria-hidden="true"
    >
      <path d="M5 20V11a7 7 0 0 1 14 0v9" />
      <circle cx="12" cy="15.5" r="2.1" fill="currentColor" stroke="none" />
    </svg>
  );
}

interface ConnectionWords {
  readonly tone: 'good' | 'busy' | 'warning' | 'danger';
  readonly words: string;
}

function connectionWords({ relay, node }: Site): ConnectionWords {
  if (relay.phase.value === 'unreachable') return { tone: 'danger', words: 'Relay unreachable' };
  if (relay.phase.value === 'connecting') return { tone: 'busy', words: 'Connecting' };
  if (node.phase.value === 'joined') {
    if (!node.relayConnected.value) return { tone: 'warning', words: 'Reconnecting' };
    if (!node.heard.value) return { tone: 'good', words: 'Relay, listening' };
    const { serving } = regionFigures(node.peers.value, relay.bootstrap.value?.catalog ?? []);
    return { tone: serving > 0 ? 'good' : 'warning', words: `Relay, ${formatPlural(serving, 'peer')}` };
  }
  return relay.ready.value === true
    ? { tone: 'good', words: 'Relay, ready' }
    : { tone: 'warning', words: 'Relay, nobody serves' };
}

function ConnectionChip() {
  const site = useSite();
  const { tone, words } = connectionWords(site);
  return (
    <>
      <button class="chip" popovertarget="connection" aria-label={`Connection: ${words}`}>
        <span class="dot" data-tone={tone} aria-hidden="true" />
        <span class="chip-words">{words}</span>
      </button>
      <div class="popover" id="connection" popover="auto">
        <ConnectionDetails site={site} />
      </div>
    </>
  );
}

function ConnectionDetails({ site }: { site: Site }) {
  const { relay, node } = site;
  const document = relay.bootstrap.value;
  const { words } = connectionWords(site);
  const view = site.region.view.value;
  return (
    <dl class="pairs">
      <dt>Connection</dt>
      <dd>
        {words}. <Countdown />
      </dd>
      {document !== null && (
        <>
          <dt>Relay</dt>
          <dd>
            <span class="mono">{shortPeer(document.relay.peer)}</span>, {regionWords(document.region)}
          </dd>
        </>
      )}
      {view !== null && (
        <>
          <dt>Linked</dt>
          <dd>
            {linkedWords({
              linked: node.relays.value.length,
              known: site.region.relaysOf(view.region).length,
              region: view.region,
            })}
          </dd>
        </>
      )}
      {relay.roundTripMs.value !== null && (
        <>
          <dt>Round trip</dt>
          <dd>{formatSpan(relay.roundTripMs.value)} (measured)</dd>
        </>
      )}
      <dt>This tab</dt>
      <dd>
        {node.phase.value === 'joined' && node.node.value !== null
          ? `joined as ${shortPeer(node.node.value.peer)}`
          : node.phase.value === 'joining'
            ? 'joining the network'
            : node.phase.value === 'failed'
              ? `not joined: ${node.problem.value ?? 'unknown reason'}`
              : 'not joined; chat works without'}
      </dd>
    </dl>
  );
}
