/** The first letter of a name, in a colour that is always that of the user. */
export function Avatar({ user, name, isOwner }: { user: string; name: string; isOwner: boolean }) {
  const hue = [...user].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360, 7);
  const letter = Array.from(name)[0] ?? '?';
  return (
    <span class="avatar" aria-hidden="true" style={isOwner ? {} : { '--hue': String(hue) }}>
      {letter.toUpperCase()}
    </span>
  );
}
