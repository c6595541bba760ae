import { describe, expect, it } from 'vitest';
import { splitBlocks } from './block-stream.ts';
import { renderBlock } from './render.ts';

const render = (text: string): HTMLElement => {
  const host = document.createElement('div');
  for (const { token } of splitBlocks(text)) host.append(renderBlock(token));
  return host;
};

const ATTACKS = [
  '<script>globalThis.attacked = true</script>',
  '<img src=x onerror="globalThis.attacked = true">',
  '<svg onload="globalThis.attacked = true"><script>globalThis.attacked = true</script></svg>',
  '<iframe srcdoc="<script>parent.attacked = true</script>"></iframe>',
  '<a href="javascript:globalThis.attacked=true">x</a>',
  '[x](javascript:globalThis.attacked=true)',
  '[x](JaVaScRiPt&colon;globalThis.attacked=true)',
  '[x](data:text/html,<script>parent.attacked=true</script>)',
  '[x](vbscript:x)',
  '![x](javascript:globalThis.attacked=true)',
  '![x" onerror="globalThis.attacked=true](https://example.org/a.png)',
  '<math><mtext></p><img src=x onerror=globalThis.attacked=true>',
  '<style>*{display:none}</style>',
  '<form action="https://example.org"><input name=q></form>',
  '<details open ontoggle="globalThis.attacked=true">x</details>',
  '| a |\n| - |\n| <img src=x onerror=globalThis.attacked=true> |',
  '- <img src=x onerror=globalThis.attacked=true>',
  '# <a href="https://example.org" onclick="globalThis.attacked=true">x</a>',
  '<b style="position:fixed;inset:0">x</b>',
  '[x]: javascript:globalThis.attacked=true\n\n[x]',
];

describe('rendered markdown', () => {
  it.each(ATTACKS)('makes nothing run or load from %s', async (attack) => {
    const host = render(attack);
    document.body.append(host);
    // A turn of the event loop: handlers of broken images and opened details would have run.
    await new Promise((resolve) => {
      setTimeout(resolve, 0);
    });
    expect((globalThis as { attacked?: boolean }).attacked).toBeUndefined();
    expect(host.querySelector('script, img, svg, iframe, style, form, details, math')).toBeNull();
    for (const element of host.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        expect(name).not.toMatch(/^on|^style$|^src/);
        if (name === 'href') expect(value).toMatch(/^(https?:|mailto:)/);
      }
    }
    host.remove();
  });

  it('shows HTML as the text it is', () => {
    expect(render('<b>x</b> and `<i>`').textContent).toContain('<b>x</b>');
  });

  it('opens links elsewhere, without a word about this page', () => {
    const link = render('[site](https://example.org)').querySelector('a');
    expect(link?.getAttribute('href')).toBe('https://example.org');
    expect(link?.target).toBe('_blank');
    expect(link?.rel).toContain('noopener');
  });

  it('turns an image into a link that loads nothing by itself', () => {
    const host = render('![a cat](https://example.org/cat.png)');
    expect(host.querySelector('a')?.textContent).toBe('a cat');
  });

  it('renders lists, tables, code and task boxes', () => {
    const host = render('1. a\n2. b\n\n| x | y |\n| - | -: |\n| 1 | 2 |\n\n- [x] done\n\n**b** `c` ~~d~~');
    expect(host.querySelectorAll('ol > li')).toHaveLength(2);
    expect(host.querySelectorAll('table td')).toHaveLength(2);
    expect(host.querySelector('input')?.disabled).toBe(true);
    expect(host.querySelector('strong, code, del')).not.toBeNull();
  });

  it('leaves the first two levels of headings to the page', () => {
    expect(render('# Title').querySelector('h3')?.textContent).toBe('Title');
  });
});
