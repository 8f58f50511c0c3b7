import { turns } from '@mcpwire/compliance'

/** The number once it has stayed the same for as many turns of the event loop as anything on loopback takes. */
export async function steady(count: () => number): Promise<number> {
  for (;;) {
    const before = count()
    await turns(200)
    if (count() === before) return before
  }
}
