import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

/** The time, read again every `intervalMs` while the component is on the screen; in milliseconds since the epoch. */
export function useNow(intervalMs: number): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = Date.now();
    }, intervalMs);
    return () => clearInterval(timer);
  }, [intervalMs]);
  return now.value;
}
