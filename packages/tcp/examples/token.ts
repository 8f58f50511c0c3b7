// A bearer token before the first message.
import { type Gate, serve } from '@mcpwire/core'
import { tcpClient, tcpServer } from '@mcpwire/tcp'

const isGood = (header: string | undefined): boolean => header === 'Bearer 4f1c'
//#region token
const gate: Gate = {
  admit: ({ headers }) =>
    isGood(headers['authorization'])
      ? { admit: true, authInfo: { token: '4f1c', clientId: 'Ada', scopes: [] } }
      : { admit: false, status: 401, reason: 'a token is required' },
}
const listener = await serve(tcpServer({ port: 0, gate, preamble: {} }), (connection) => connection.start())

const transport = tcpClient({
  port: Number(new URL(listener.url).port),
  preamble: { headers: async () => ({ authorization: 'Bearer 4f1c' }) },
})
//#endregion

listener.onerror = (error) => console.log(error.message.replace(/\d+/g, '…'))
await transport.start()
const other = tcpClient({
  port: Number(new URL(listener.url).port),
  preamble: { headers: () => ({ authorization: 'Bearer guessed' }) },
})
await other.start()
console.log((await other.closed)?.message.replace(/:\d+/, ''))
console.log([...listener.connections].map(({ peer }) => peer?.authInfo?.clientId))
await transport.close()
await listener.close()
