import { z } from 'zod'

const orderSchema = z.object({ scenario: z.string(), version: z.string(), context: z.string(), url: z.url() })

/** What the suite wants of one client: it says so in the environment and on the command line. */
export type Order = z.infer<typeof orderSchema>

export function parseOrder(text: string): Order {
  return orderSchema.parse(JSON.parse(text))
}
