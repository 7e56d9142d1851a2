import type { ComponentChild } from 'preact';
import type { IconName } from '../../../page/icons.tsx';
import type { Language } from '../../../page/language.ts';

/** A view: what the page shows under an address. */
export interface View {
  /** Its address is `#/path`. */
  path: string;
  name: Record<Language, string>;
  icon: IconName;
  /** On a phone it is beside the thumb; all others are under "More". Four are. */
  isMain: boolean;
  /** `rest` is what comes behind the path in the address, such as the user of a conversation. */
  Content(props: { rest: readonly string[] }): ComponentChild;
}
