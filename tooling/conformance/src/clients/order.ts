import { z } from 'zod'

const orderSchema = z.object({ scenario: z.string(), version: z.string(), context: z.string(), url: z.url() })

/** The request of the suite to one client, from the environment and the command line. */
export type Order = z.infer<typeof orderSchema>

export function parseOrder(text: string): Order {
  return orderSchema.parse(JSON.parse(text))
}
