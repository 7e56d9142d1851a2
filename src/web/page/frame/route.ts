import { signal } from '@preact/signals';

/** The parts of the address behind `#/`, such as `['conversations', 'mine', 'o9b@im.wechat']`. */
export const route = signal(read());
addEventListener('hashchange', () => {
  route.value = read();
});

/** An address of this page, for a link. */
export function linkTo(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}

/** Goes to another address of this page. */
export function goTo(...parts: string[]): void {
  location.hash = linkTo(...parts);
}

function read(): readonly string[] {
  return location.hash
    .replace(/^#\/?/, '')
    .split('/')
    .filter((part) => part !== '')
    .map(decoded);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
