/*
 * Our transports with both SDK lines, as a program with the command line of every peer:
 *
 *   program server <wire> [--sdk v1|v2] [--mode <mode>] [--path <socket file>]
 *   program client <wire> [--sdk v1|v2] [--era <era>] [--skip <check,...>] -- <url, or command>
 *
 * A server prints `listening <url>` first, except on stdio. A client prints `{"ok":true,"protocol":…}`, or
 * `{"ok":false,"error":…}`, and exits with 0 or 1. This program runs on Node, Bun and Deno.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { serve } from '@mcpwire/core'
import { connectV1, connectV2, type EraMode } from './clients.js'
import { exchange } from './exchange.js'
import { acceptV1, acceptV2 } from './servers.js'
import { dial, listen } from './wires.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sdk: { type: 'string', default: 'v2' },
    mode: { type: 'string', default: 'auto' },
    era: { type: 'string', default: 'legacy' },
    path: { type: 'string', default: '' },
    skip: { type: 'string', default: '' },
  },
})
const [role, wire = '', ...target] = positionals

if (role === 'server') {
  const source = listen(wire, values.mode, values.path)
  await serve(source, values.sdk === 'v1' ? acceptV1 : acceptV2)
  if (wire === 'stdio') {
    // Standard output carries the messages.
  } else console.log(`listening ${urlOf(source as { readonly url: string })}`)
} else {
  try {
    const transport = dial(wire, target)
    transport.onerror = (error) => console.error(error.message)
    const client =
      values.sdk === 'v1' ? await connectV1(transport) : await connectV2(transport, values.era as EraMode)
    await exchange(client, values.skip.split(','))
    console.log(JSON.stringify({ ok: true, protocol: client.protocol }))
  } catch (error) {
    console.log(JSON.stringify({ ok: false, error: (error as Error).message }))
    process.exitCode = 1
  }
}

/** The URL with the path of HTTP+SSE where that is the mode. */
function urlOf({ url }: { readonly url: string }): string {
  return values.mode === 'http-sse' ? url.replace(/\/mcp$/, '/sse') : url
}
