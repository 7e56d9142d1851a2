/** What stands behind `Bearer` in a header; null: it is none. */
export function bearerOf(header: string | undefined): string | null {
  return /^\s*bearer\s+(\S+)\s*$/i.exec(header ?? '')?.[1] ?? null;
}

/** The password of `Basic`; null: it is none. A token goes there under any name. */
export function basicPassword(header: string | undefined): string | null {
  const encoded = /^\s*basic\s+([\w+/=-]+)\s*$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? null : text.slice(colon + 1) || text.slice(0, colon) || null;
}
