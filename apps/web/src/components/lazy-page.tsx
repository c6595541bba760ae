import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Notice } from './notice.tsx';
import type { ComponentType } from 'preact';

/** A page whose code is fetched when it is first opened. */
export function LazyPage({ name, load }: { name: string; load: () => Promise<ComponentType> }) {
  const page = useSignal<{ Component: ComponentType } | null>(null);
  const failed = useSignal(false);
  useEffect(() => {
    const open = async () => {
      try {
        page.value = { Component: await load() };
      } catch {
        // Offline, or the relay has newer files than this tab: the person is told below.
        failed.value = true;
      }
    };
    void open();
  }, []);
  if (page.value) {
    const { Component } = page.value;
    return <Component />;
  }
  if (!failed.value) return <p class="visually-hidden">Opening the {name}</p>;
  return (
    <div class="page">
      <Notice tone="danger">
        <p>
          The {name} could not be fetched: the relay is out of reach, or it has been updated since you opened this tab.
        </p>
        <div class="notice-actions">
          <button class="button" onClick={() => window.location.reload()}>
            Reload the page
          </button>
        </div>
      </Notice>
    </div>
  );
}
