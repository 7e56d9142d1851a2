/** A fenced code block that is open at some place of a text. */
export interface Fence {
  /** Its backticks or tildes; a closing line has at least as many. */
  marker: string;
  /** The line that opens it again in a later part, language included. */
  reopening: string;
  closing: string;
}

/**
 * The fence a line opens, or null. A marker longer than `maxMarker` characters is ordinary text, and a
 * language longer than that many bytes is left out of `reopening`, so that the lines added to a part
 * stay small against its limits.
 */
export function openedBy(line: string, maxMarker = Number.POSITIVE_INFINITY): Fence | null {
  const match = /^( {0,3})(`{3,}|~{3,})(.*)$/s.exec(line);
  if (!match) return null;
  const [, indent = '', marker = '', info = ''] = match;
  if (marker.length > maxMarker || (marker[0] === '`' && info.includes('`'))) return null;
  const language = /\S+/.exec(info)?.[0] ?? '';
  const kept = Buffer.byteLength(language) <= maxMarker ? language : '';
  return { marker, reopening: indent + marker + kept, closing: indent + marker };
}

export function closedBy(line: string, fence: Fence): boolean {
  const marker = /^ {0,3}(`{3,}|~{3,})[ \t\r]*$/.exec(line)?.[1];
  return marker !== undefined && marker[0] === fence.marker[0] && marker.length >= fence.marker.length;
}

/** The fence open after one more line, given the one open before it. */
export function fenceAfterLine(line: string, before: Fence | null, maxMarker: number): Fence | null {
  if (before) return closedBy(line, before) ? null : before;
  return openedBy(line, maxMarker);
}

/** The fence open at the end of a text that begins at a line start, given the one open before it. */
export function fenceAfter(text: string, before: Fence | null, maxMarker: number): Fence | null {
  let fence = before;
  for (const line of text.split('\n')) fence = fenceAfterLine(line, fence, maxMarker);
  return fence;
}
