/** Whether the same request may succeed later: 408, 425, 429 and every 5xx. The one rule of all that is asked again. */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}
