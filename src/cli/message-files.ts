import { plainFileName } from '../core/file-name.ts';
import type { Attachment } from '../core/message.ts';
import { excerpt } from './table.ts';

const NAME_COLUMNS = 40;

/** What stands for the files of a message where people read about it: `[image]`, `[file: report.pdf]`. */
export function filesShown(files: readonly Pick<Attachment, 'kind' | 'name'>[]): string[] {
  return files.map(({ kind, name }) => {
    const safe = name === null ? null : plainFileName(name);
    return safe === null ? `[${kind}]` : `[${kind}: ${excerpt(safe, NAME_COLUMNS)}]`;
  });
}
