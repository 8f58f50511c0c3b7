//#region layers
import { isTransportError, memoryPair, meter, peer, tap, withLayers } from '@mcpwire/core'

const [near, far] = memoryPair()
const server = peer(far, { requests: { add: async (params) => ({ sum: Number(params?.['a']) + 1 }) } })
await server.start()

const counts = meter()
const logging = tap({ onSend: (message) => console.log('method' in message ? message.method : 'response') })
const client = peer(withLayers(near, logging, counts.layer))
await client.start()
console.log(await client.request('add', { a: 1 }))
console.log(counts.snapshot().sent.latency.count, 'response(s)')

await server.close()
const reason = await client.closed
console.log(isTransportError(reason) ? reason.code : 'orderly end')
//#endregion
