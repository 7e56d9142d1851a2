import { useRef } from 'preact/hooks';
import { complain } from './toast.tsx';

/** Work that a double click does once; faults are told. The button stays enabled, or it would lose the keyboard. */
export function useOneAtATime(work: () => Promise<unknown>): () => void {
  const isBusy = useRef(false);
  return () => {
    if (isBusy.current) return;
    isBusy.current = true;
    work()
      .catch(complain)
      .finally(() => {
        isBusy.current = false;
      });
  };
}
