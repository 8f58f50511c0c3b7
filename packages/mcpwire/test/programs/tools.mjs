import { z } from 'zod'

/** The tools of the servers of both SDKs: one returns a sum, the other reports progress until it is cancelled. */
export function addTools(server, signalOf, notifyOf) {
  server.registerTool('add', { inputSchema: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) =>
    text(a + b),
  )
  server.registerTool(
    'wait',
    { inputSchema: z.object({ steps: z.number() }) },
    async ({ steps }, context) => {
      const progressToken = context.mcpReq?._meta?.progressToken ?? context._meta?.progressToken
      for (let progress = 1; progress <= steps; progress++) {
        if (signalOf(context).aborted) {
          process.stderr.write('wait was cancelled\n')
          return text('cancelled')
        }
        await notifyOf(context)({ method: 'notifications/progress', params: { progressToken, progress } })
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      return text('done')
    },
  )
  return server
}

function text(value) {
  return { content: [{ type: 'text', text: String(value) }] }
}
