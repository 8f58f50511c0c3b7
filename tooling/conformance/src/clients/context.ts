import { z } from 'zod'
import { OneUserProvider } from './one-user-provider.js'

const contextSchema = z.object({
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  toolCalls: z
    .array(z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()) }))
    .default([]),
})

/** The facts about a scenario that the suite passes to a client. */
export type Context = z.infer<typeof contextSchema>

export function parseContext(text: string): Context {
  return contextSchema.parse(JSON.parse(text))
}

/** The OAuth client that a scenario registered beforehand, if it did. */
export function providerFor({ client_id, client_secret }: Context): OneUserProvider {
  if (client_id === undefined) return new OneUserProvider()
  return new OneUserProvider({ client_id, ...(client_secret !== undefined && { client_secret }) })
}
