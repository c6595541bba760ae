import { signal } from '@preact/signals';

/** What is written but not sent; kept while the person looks at another page or chat. */
export const draft = signal('');
