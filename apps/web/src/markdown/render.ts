import createDOMPurify from 'dompurify';
import { Marked, Parser } from 'marked';
import type { Token } from 'marked';

const ALLOWED_TAGS = [
  'p',
  'br',
  'hr',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'strong',
  'em',
  'del',
  'code',
  'pre',
  'blockquote',
  'ul',
  'ol',
  'li',
  'a',
  'table',
  'thead',
  'tbody',
  'tr',
  'th',
  'td',
  'input',
];
const ALLOWED_ATTRIBUTES = ['href', 'title', 'start', 'align', 'type', 'checked', 'disabled', 'target', 'rel'];
/** Only what a reader would follow on purpose. */
const ALLOWED_ADDRESS = /^(?:https?:|mailto:)/i;

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => escapes[character] ?? '');

const marked = new Marked({
  gfm: true,
  renderer: {
    // HTML in an answer is text that the model wrote, not markup of ours.
    html: ({ text }) => escapeHtml(text),
    // An image would call an address of the model's choice: it becomes a link that a person may follow.
    image({ href, text }) {
      const label = text || 'image';
      return ALLOWED_ADDRESS.test(href) ? `<a href="${escapeHtml(href)}">${escapeHtml(label)}</a>` : escapeHtml(label);
    },
    // The page owns the first two levels of headings.
    heading({ tokens, depth }) {
      const level = Math.min(6, depth + 2);
      return `<h${level}>${renderInline(tokens)}</h${level}>`;
    },
    checkbox: ({ checked }) => `<input type="checkbox" disabled${checked ? ' checked' : ''}> `,
  },
});

const renderInline = (tokens: Token[]): string => new Parser(marked.defaults).parseInline(tokens);

type Purifier = ReturnType<typeof createDOMPurify>;
let purifier: Purifier | undefined;

/** One block of an answer as DOM nodes that can run nothing and load nothing. */
export function renderBlock(token: Token): DocumentFragment {
  purifier ??= createPurifier();
  return purifier.sanitize(marked.parser([token]), {
    ALLOWED_TAGS,
    ALLOWED_ATTR: ALLOWED_ATTRIBUTES,
    ALLOWED_URI_REGEXP: ALLOWED_ADDRESS,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}

function createPurifier(): Purifier {
  const created = createDOMPurify(window);
  created.addHook('afterSanitizeAttributes', (node) => {
    if (node.nodeName !== 'A') return;
    node.setAttribute('target', '_blank');
    node.setAttribute('rel', 'noopener noreferrer nofollow');
  });
  return created;
}
