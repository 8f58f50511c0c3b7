//#region gate
import { allOf, type Gate, localOnly } from '@mcpwire/core'

const tokens = new Map([['4f1c', 'Ada']])
const bearer: Gate = {
  admit({ headers }) {
    const token = /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1] ?? ''
    const clientId = tokens.get(token)
    return clientId === undefined
      ? { admit: false, status: 401, reason: 'a token is required', challenge: 'Bearer' }
      : { admit: true, authInfo: { token, clientId, scopes: [], extra: { sub: clientId } } }
  },
}
const gate = allOf(localOnly(), bearer)

//#endregion

import { memoryClient, memoryListener, serve } from '@mcpwire/core'

const listener = await serve(memoryListener({ gate }), (connection) => connection.start())
listener.onerror = (error) => console.log(error.message)
const anonymous = memoryClient({ listener })
await anonymous.start().catch((error: Error) => console.log(error.message))
await memoryClient({ listener, headers: { authorization: 'Bearer 4f1c' } }).start()
console.log([...listener.connections].map(({ peer }) => peer?.authInfo?.clientId))
await listener.close()
