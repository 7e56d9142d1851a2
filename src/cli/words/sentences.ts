/** A sentence of ours in Chinese. */
export function inChinese(sentence: string): string {
  return sentence;
}
