/** Text from outside that is kept in memory. */

const maxChars = 2_048;

/**
 * At most 2,048 characters; empty text is as good as none. The cut is a copy, since a slice would keep the whole text alive, and half
 * of a surrogate pair at its end becomes U+FFFD.
 */
export function shorten(text: string | undefined): string | undefined {
  if (!text) return undefined;
  return text.length <= maxChars ? text : Buffer.from(text.slice(0, maxChars), 'utf8').toString('utf8');
}
