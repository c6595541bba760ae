import { signal } from '@preact/signals';
import { createElement, render } from 'preact';
import { page } from 'vitest/browser';
import { afterEach, describe, expect, it } from 'vitest';
import '../../styles/layers.css';
import '../../styles/tokens.css';
import '../../styles/base.css';
import '../../styles/layout.css';
import '../../styles/components.css';
import './contribute.css';
import { RegionChip } from '../../components/region-chip.tsx';
import { SiteContext, createSite } from '../../site.ts';
import { FakeChannels, FakeLocks, MemoryStorage } from '../../state/browser.fixture.ts';
import { REFERENCE_PROBE } from '../../state/reference-device.fixture.ts';
import { FakeSiteNode, catalogEntry } from '../../state/site-node.fixture.ts';
import { ServeList } from './serve-list.tsx';
import type { BootstrapDocument } from '@opengateway/core';
import type { Site } from '../../site.ts';

/** What a relay in Asia tells a client whose address is in Manila. */
const BOOTSTRAP: BootstrapDocument = {
  protocol: 1,
  relay: { peer: 'R', multiaddrs: ['/dns4/a.example/tcp/443/wss/p2p/R'] },
  region: 'asia',
  client: { region: 'asia', regionSource: 'address' },
  relays: [{ region: 'asia', url: 'https://a.example', multiaddrs: ['/dns4/a.example/tcp/443/wss/p2p/R'] }],
  catalog: [
    { ...catalogEntry, id: 'smollm2', name: 'SmolLM2 135M', tier: 'starter' },
    { ...catalogEntry, id: 'llama-8b', name: 'Llama 3.1 8B', tier: 'model-a', bytes: 3e9 },
    { ...catalogEntry, id: 'llama-405b', name: 'Llama 3.1 405B', tier: 'model-d', bytes: 230e9, layerCount: 126 },
  ],
};

/** This very page with nothing kept, and a relay of its own. */
function hostWith(document: BootstrapDocument): Window & typeof globalThis {
  const channels = new FakeChannels();
  return {
    location: window.location,
    history: window.history,
    document: window.document,
    addEventListener: window.addEventListener.bind(window),
    fetch: async (input: RequestInfo | URL) =>
      String(input).endsWith('/bootstrap') ? Response.json(document) : new Response('ok'),
    navigator: { locks: new FakeLocks(), storage: {} },
    localStorage: new MemoryStorage(),
    sessionStorage: new MemoryStorage(),
    BroadcastChannel: function open() {
      return channels.open();
    },
  } as unknown as Window & typeof globalThis;
}

const mounted: { readonly place: HTMLElement; readonly end: AbortController }[] = [];

async function show(): Promise<{ site: Site; place: HTMLElement }> {
  const place = document.createElement('div');
  document.body.append(place);
  const end = new AbortController();
  mounted.push({ place, end });
  const site = createSite(hostWith(BOOTSTRAP), async () => new FakeSiteNode());
  void site.relay.run(end.signal);
  await site.relay.whenReachable();
  render(
    createElement(
      SiteContext.Provider,
      { value: site },
      createElement(RegionChip, {}),
      createElement(ServeList, { chosen: signal(null), probe: REFERENCE_PROBE }),
    ),
    place,
  );
  return { site, place };
}

afterEach(() => {
  for (const { place, end } of mounted.splice(0)) {
    end.abort();
    render(null, place);
    place.remove();
  }
});

const find = (place: HTMLElement, testid: string) => place.querySelector<HTMLElement>(`[data-testid="${testid}"]`)!;
const tierRow = (place: HTMLElement, tier: string) => place.querySelector<HTMLElement>(`tr[data-tier="${tier}"]`)!;

/** Chooses as a person does. */
function choose(place: HTMLElement, testid: string, value: string): void {
  const select = find(place, testid) as HTMLSelectElement;
  select.value = value;
  select.dispatchEvent(new Event('change', { bubbles: true }));
}

describe('what the reference device can serve', () => {
  it('is Starter, A, B and C in Asia, and not D for want of GPU memory, with every figure’s source', async () => {
    const { place } = await show();
    expect(find(place, 'region-chip').dataset['region']).toBe('asia');
    expect(find(place, 'region-chip').ariaLabel).toBe('Region: Asia, by your address. Change');

    choose(place, 'has-memory', '64000000000');
    choose(place, 'has-graphics', '24000000000');
    await expect.poll(() => tierRow(place, 'model-c').dataset['answer']).toBe('yes');
    const answers = [...place.querySelectorAll<HTMLElement>('[data-testid=tier]')].map(
      ({ dataset }) => `${dataset['tier']} ${dataset['answer']}`,
    );
    expect(answers).toEqual(['starter yes', 'model-a yes', 'model-b yes', 'model-c yes', 'model-d no']);
    expect(find(tierRow(place, 'model-d'), 'tier-reasons').textContent).toBe('needs 48 GB GPU memory, has 24');
    const has = ['cores', 'memoryBytes', 'graphicsMemoryBytes', 'diskBytes'].map(
      (name) => find(place, `has-${name}`).textContent,
    );
    expect(has).toEqual(['16 told', '64 GB pledged', '24 GB pledged', '1.0 TB told']);
  });

  it('has the models of each tier under it, each possible or not for a reason; several can be chosen', async () => {
    const { place, site } = await show();
    const models = [...place.querySelectorAll<HTMLElement>('[data-testid=model]')];
    expect(models.map(({ dataset }) => dataset['model'])).toEqual(['smollm2', 'llama-8b', 'llama-405b']);
    expect(models[2]!.textContent).toContain('The whole model needs');
    find(place, 'hold-llama-8b').click();
    expect(site.settings.others.value).toEqual(['llama-8b']);
    await expect.poll(() => place.textContent).toContain('2 models, 3.1 GB together');
  });

  it.each([
    [360, 740],
    [1280, 800],
  ])('fits a screen of %i by %i without scrolling sideways, with targets of 44 pixels', async (width, height) => {
    await page.viewport(width, height);
    const { place } = await show();
    expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(width);
    const targets = [...place.querySelectorAll<HTMLElement>('button, select, .model-first, .model-too')];
    expect(targets.length).toBeGreaterThan(6);
    const small = targets.filter((target) => target.getBoundingClientRect().height < 44);
    expect(small.map(({ className }) => className)).toEqual([]);
  });
});
