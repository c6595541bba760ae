import { useEffect } from 'preact/hooks';
import { useSite } from '../site.ts';

/** Joins the network once the browser has nothing better to do: live figures are worth it, the first paint comes first. */
export function useJoin(): void {
  const { node } = useSite();
  useEffect(() => {
    // A failure is shown by `node.phase`; chat and reading go on without.
    const join = () => void node.join().catch(() => undefined);
    // Safari has no idle callback.
    if (typeof requestIdleCallback !== 'function') {
      const timer = setTimeout(join, 300);
      return () => clearTimeout(timer);
    }
    const handle = requestIdleCallback(join, { timeout: 2_000 });
    return () => cancelIdleCallback(handle);
  }, []);
}
