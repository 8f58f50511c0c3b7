import type { OptionSettings, parseMessage } from '../src/authoring.js'
import type {
  AuthInfo,
  ErrorAdvice,
  EventStore,
  isNotification,
  isRequest,
  isResponse,
  isTransportError,
  JsonRpcMessage,
  JsonRpcNotification,
  JsonRpcRequest,
  JsonRpcResponse,
  MessageContext,
  memoryPair,
  SendOptions,
  Transport,
  TransportError,
  TransportErrorCode,
  TransportErrorDetails,
  TransportLike,
  withLayers,
} from '../src/index.js'
import type { Expect, Fits, IsAny, Not, Same } from './assert.js'

export type NothingIsAny = [
  Expect<Not<IsAny<Transport>>>,
  Expect<Not<IsAny<TransportLike>>>,
  Expect<Not<IsAny<JsonRpcMessage>>>,
  Expect<Not<IsAny<MessageContext>>>,
  Expect<Not<IsAny<SendOptions>>>,
  Expect<Not<IsAny<AuthInfo>>>,
  Expect<Not<IsAny<EventStore>>>,
  Expect<Not<IsAny<Parameters<NonNullable<Transport['onmessage']>>[0]>>>,
  Expect<Not<IsAny<Parameters<NonNullable<Transport['onmessage']>>[1]>>>,
  Expect<Not<IsAny<TransportErrorDetails[TransportErrorCode]>>>,
  Expect<Not<IsAny<Exclude<ReturnType<typeof parseMessage>, string>>>>,
]

export type OursIsTheLeast = [
  Expect<Fits<Transport, TransportLike>>,
  Expect<Not<Fits<TransportLike, Transport>>>,
  Expect<Same<ReturnType<typeof withLayers>, Transport>>,
  Expect<Same<ReturnType<typeof memoryPair>, [Transport, Transport]>>,
]

// A slot may be emptied by assigning undefined, also under exactOptionalPropertyTypes.
export type SlotsCanBeEmptied = [
  Expect<Fits<{ onmessage: undefined }, Pick<TransportLike, 'onmessage'>>>,
  Expect<Fits<{ onclose: undefined }, Pick<Transport, 'onclose'>>>,
  Expect<Fits<{ relatedRequestId: undefined }, SendOptions>>,
]

// The SDKs' types ask for absent members, not for undefined ones.
export type ContextMembersAreAbsentOrThere = [
  Expect<Not<Fits<{ authInfo: undefined }, MessageContext>>>,
  Expect<Not<Fits<{ request: undefined }, MessageContext>>>,
]

// The kinds of message are told apart, and nothing is left over.
export function kindOf(
  message: JsonRpcMessage,
  is: { request: typeof isRequest; notification: typeof isNotification; response: typeof isResponse },
): JsonRpcRequest | JsonRpcNotification | JsonRpcResponse {
  if (is.request(message)) {
    const request: JsonRpcRequest = message
    return request
  }
  if (is.response(message)) {
    const response: JsonRpcResponse = message
    return response
  }
  const notification: JsonRpcNotification = message
  return notification
}

// A code gives the details that go with it.
export function detailsOf(error: unknown, check: typeof isTransportError): string | number | undefined {
  if (check(error, 'CONNECT_FAILED')) return error.details.address
  if (check(error, 'OVERLOADED')) return error.details.queuedBytes
  return undefined
}

export type Errors = [
  Expect<Same<TransportError<'CLOSED'>['details'], undefined>>,
  Expect<Same<TransportError<'CIRCUIT_OPEN'>['details'], { readonly retryAfterMs: number } & ErrorAdvice>>,
]

// Options with a default are there once read, others may not be.
type Settings = OptionSettings<{ a?: number | undefined; b?: string | undefined }, 'b'>
export type OptionsAfterDefaults = [
  Expect<Same<Settings['a'], number>>,
  Expect<Same<Settings['b'], string | undefined>>,
]
