// A server of the tools of the soaks at the URL of its first argument. Its second argument has options as JSON. It
// reports errors and refused callers to standard error.
import { writeSync } from 'node:fs'
import { type Gate, serve } from '@mcpwire/core'
import { listenerAt } from '../../../src/endpoint.js'
import { serveTools } from '../support/tool-server.js'

const [url = '', options = '{}'] = process.argv.slice(2)

const report = (kind: string, { name, message }: Error): void => {
  writeSync(2, `${kind} ${name}: ${message}\n`)
}

/** Names each caller by its bearer token. */
const named: Gate = {
  admit: ({ headers }) => {
    const clientId = headers['authorization']?.replace(/^Bearer /, '')
    return clientId === undefined
      ? { admit: true }
      : { admit: true, authInfo: { token: clientId, clientId, scopes: [] } }
  },
}

const { isNamed, ...settings } = JSON.parse(options) as { isNamed?: boolean }
const listener = await listenerAt(url, { ...settings, gate: isNamed ? named : undefined })
listener.onerror = (error) => report('onerror', error)
listener.onrefused = ({ status, reason, omitted }) =>
  report('onrefused', new Error(`${status} ${reason}, ${omitted} omitted`))
await serve(listener, async (client) => {
  client.onerror = (error) => report('onerror of a connection', error)
  await serveTools(client)
})
process.send?.({ address: listener.url })
