/** How people name accounts, tokens, sources and invitations, as JSON Schema has it. */
export const NAME_PATTERN = '^[\\p{L}\\p{N}_.-]{1,64}$';

const WHOLE = new RegExp(NAME_PATTERN, 'u');

export function isName(text: string): boolean {
  return WHOLE.test(text);
}
