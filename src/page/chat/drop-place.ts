import { useState } from 'preact/hooks';

/** Makes an element take files that are dropped on it, and nothing else: a text that is dragged is no file. */
export function useDropPlace(onFiles: (files: File[]) => void) {
  const [isOver, setOver] = useState(false);
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
  return {
    isOver,
    handlers: {
      onDragOver(event: DragEvent) {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      },
      onDragLeave(event: DragEvent) {
        const into = event.relatedTarget;
        // From one of its own elements to another it is not left.
        if (!(into instanceof Node && (event.currentTarget as Node).contains(into))) setOver(false);
      },
      onDrop(event: DragEvent) {
        setOver(false);
        if (!hasFiles(event)) return;
        event.preventDefault();
        onFiles([...(event.dataTransfer?.files ?? [])]);
      },
    },
  };
}
