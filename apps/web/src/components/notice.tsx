import type { ComponentChildren } from 'preact';

export type Tone = 'plain' | 'good' | 'warning' | 'danger';

/** Something a person should know, with what to do about it. Failures interrupt a screen reader, the rest waits. */
export function Notice({ tone = 'plain', children }: { tone?: Tone; children: ComponentChildren }) {
  return (
    <div class="notice" data-tone={tone} role={tone === 'danger' ? 'alert' : 'status'}>
      {children}
    </div>
  );
}
