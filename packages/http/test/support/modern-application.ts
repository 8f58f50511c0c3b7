import type { JsonRpcMessage, JsonRpcRequest, RequestId } from '@mcpwire/core'
import { modern, postOf, SUBSCRIPTION_KEY } from './modern.js'
import type { RawRequest } from './raw-http.js'
import { type Application, echo } from './served.js'

/** A call of a tool. */
export const call: JsonRpcRequest = modern('tools/call', { name: 'greet', arguments: {} })
/** The POST of a request with the bearer token of a client. */
export const as = (name: string, request: JsonRpcRequest = call): RawRequest =>
  postOf(request, { authorization: `Bearer ${name}` })
/** A subscription to changes of the list of tools. */
export const listen = (id: RequestId = 1): JsonRpcRequest =>
  modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, id)
/** The acknowledgement of that subscription. */
export const acknowledgement = (id: RequestId): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/subscriptions/acknowledged',
  params: { notifications: { toolsListChanged: true }, _meta: { [SUBSCRIPTION_KEY]: id } },
})

/** Acknowledges subscriptions, and does not answer calls of the tool `hang`. */
export const application: Application = (request, connection) => {
  if (request.method === 'subscriptions/listen') void connection.send(acknowledgement(request.id))
  else if (request.params?.['name'] !== 'hang') return echo(request)
  return undefined
}
/** A call without a response. */
export const hang: JsonRpcRequest = modern('tools/call', { name: 'hang', arguments: {} })
