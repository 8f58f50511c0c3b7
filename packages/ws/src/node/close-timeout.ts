/** The longest a timer of the platform waits: with more it would not wait at all. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * How long the `ws` library waits for a peer to hang up that has said it closes, as an option that its types do not
 * know yet. Our own deadlines begin where this end closes.
 */
export function closeTimeout({ closeTimeoutMs }: { readonly closeTimeoutMs: number }): object {
  return { closeTimeout: Math.min(closeTimeoutMs, LONGEST_TIMER_MS) }
}
