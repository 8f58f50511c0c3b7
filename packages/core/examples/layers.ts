//#region layers
import { isTransportError, memoryPair, meter, peer, tap, withLayers } from '@mcpwire/core'

const [near, far] = memoryPair()
const answering = peer(far, { requests: { add: async (params) => ({ sum: Number(params?.['a']) + 1 }) } })
await answering.start()

const counts = meter()
const spoken = tap({ onSend: (message) => console.log('method' in message ? message.method : 'an answer') })
const asking = peer(withLayers(near, spoken, counts.layer))
await asking.start()
console.log(await asking.request('add', { a: 1 }))
console.log(counts.snapshot().sent.latency.count, 'answered')

await answering.close()
const reason = await asking.closed
console.log(isTransportError(reason) ? reason.code : 'it ended in order')
//#endregion
