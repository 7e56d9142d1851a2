import { plainFileName } from '../../core/file-name.ts';
import type { Attachment } from '../../core/message/message.ts';
import type { Words } from '../i18n/language.ts';
import { excerpt } from './excerpt.ts';

const NAME_COLUMNS = 40;

/** What stands for the files of a message where people read about it: `[image]`, `[file: report.pdf]`. */
export function filesShown(files: readonly Pick<Attachment, 'kind' | 'name'>[], { kinds }: Words): string[] {
  return files.map((file) => {
    const { name } = file;
    const kind = kinds[file.kind] ?? file.kind;
    const safe = name === null ? null : plainFileName(name);
    return safe === null ? `[${kind}]` : `[${kind}: ${excerpt(safe, NAME_COLUMNS)}]`;
  });
}
