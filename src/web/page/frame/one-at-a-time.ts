import { useRef } from 'preact/hooks';
import { complain } from './toast.tsx';

/**
 * Work that is not begun again while it goes on: a double click does it once. What goes wrong is told. The button stays as
 * it is: one that is disabled would lose the keyboard.
 */
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
