import {
  isErrorResponse,
  isRequest,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
  TransportError,
} from '@mcpwire/core'
import type { HeaderRecord } from '@mcpwire/core/authoring'
import type { ParamHeader } from '../headers/param-headers.js'
import { ToolSchemas } from '../headers/tool-schemas.js'
import { HEADER_MISMATCH } from '../shared/error-codes.js'
import { MirroredHeaders } from './call/mirrored-headers.js'
import { errorInText, type RefusedAnswer } from './call/refused-answer.js'
import type { Exchange } from './post-request.js'

/** What keeping headers in line with the schemas of tools takes. */
export interface ToolHeadersOwner {
  /** Sends a request of ours. */
  send(request: JsonRpcRequest): Exchange
  report(error: Error): void
}

const TOOL_LIST = 'tools/list'
const TOOL_CALL = 'tools/call'
const MAX_TOOLS = 1_000
/** The most pages of a list that are asked for on behalf of one call. */
const MAX_PAGES = 20
/** A client may choose any id, so that ours only have to be unlikely. */
const PRIVATE_ID_PREFIX = 'mcpwire/tools/'

/** A call that was refused because of its headers, and the headers it had. */
interface Refused {
  readonly exchange: Exchange
  readonly answer: RefusedAnswer
  readonly had: readonly ParamHeader[]
}

/** The arguments of tool calls that are repeated in headers (2026-07-28), by the lists of tools that passed. */
export class ToolHeaders {
  readonly #owner: ToolHeadersOwner
  readonly #schemas = new ToolSchemas(MAX_TOOLS)
  readonly #mirrored = new MirroredHeaders()
  readonly #waiting: Refused[] = []
  /** The calls that were sent once more. */
  readonly #repeated = new WeakSet<Exchange>()
  #listing: { readonly request: JsonRpcRequest; readonly pages: number } | undefined
  #lastId = 0

  constructor(owner: ToolHeadersOwner) {
    this.#owner = owner
  }

  /** The headers that repeat the message. */
  mirroring(message: JsonRpcMessage): HeaderRecord {
    return this.#mirrored.of(message, this.#paramsOf(message))
  }

  /** Learns from what answers `exchange`. Yields what to pass on, unless the request was ours. */
  heard(response: JsonRpcResponse, exchange: Exchange | undefined): JsonRpcResponse | undefined {
    if (response.id !== undefined && response.id === this.#listing?.request.id) {
      this.#listed(response)
      return undefined
    }
    const { message, isModern = false } = exchange ?? {}
    return isModern && message && isRequest(message) && message.method === TOOL_LIST
      ? this.#checked(response)
      : response
  }

  /** Whether a call that was refused waits for a newer list of tools, to be sent once more where that helps. */
  takesOver(exchange: Exchange, answer: RefusedAnswer): boolean {
    const { message, id, isModern } = exchange
    if (answer.status !== 400 || !isModern || id === undefined || this.#repeated.has(exchange)) return false
    if (!isRequest(message) || message.method !== TOOL_CALL) return false
    if (errorInText(answer.text, id)?.error.code !== HEADER_MISMATCH) return false
    this.#repeated.add(exchange)
    this.#waiting.push({ exchange, answer, had: this.#paramsOf(message) })
    if (!this.#listing) this.#list(listingFor(message, this.#newId()), 1)
    return true
  }

  #paramsOf(message: JsonRpcMessage): readonly ParamHeader[] {
    return this.#schemas.headersOf('method' in message ? message.params?.['name'] : undefined)
  }

  #newId(): RequestId {
    return `${PRIVATE_ID_PREFIX}${++this.#lastId}`
  }

  #list(request: JsonRpcRequest, pages: number): void {
    this.#listing = { request, pages }
    this.#owner.send(request).sent.catch(() => this.#settle())
  }

  #listed(response: JsonRpcResponse): void {
    const { request, pages } = this.#listing ?? {}
    if (isErrorResponse(response) || !request || !pages) {
      this.#settle()
      return
    }
    this.#checked(response)
    const cursor = response.result['nextCursor']
    if (typeof cursor === 'string' && pages < MAX_PAGES)
      this.#list({ ...request, id: this.#newId(), params: { ...request.params, cursor } }, pages + 1)
    else this.#settle()
  }

  /** Sends those once more whose headers are others now. */
  #settle(): void {
    this.#listing = undefined
    for (const { exchange, answer, had } of this.#waiting.splice(0)) {
      if (exchange.isGivenUp) continue
      const has = this.#paramsOf(exchange.message)
      if (placesOf(has) === placesOf(had)) exchange.refuse(answer)
      else exchange.start()
    }
  }

  #checked(response: JsonRpcResponse): JsonRpcResponse {
    const { response: checked, excluded } = this.#schemas.check(response)
    for (const { tool, reason } of excluded) {
      const message = `the tool ${JSON.stringify(tool.slice(0, 80))} is left out of ${TOOL_LIST}: ${reason}`
      this.#owner.report(new TransportError('MALFORMED_MESSAGE', message, { preview: tool.slice(0, 64) }))
    }
    return checked
  }
}

/** The request for tools that says of the client what the call did. */
function listingFor({ params }: JsonRpcRequest, id: RequestId): JsonRpcRequest {
  const { progressToken: _, ..._meta } = params?._meta ?? {}
  return { jsonrpc: '2.0', id, method: TOOL_LIST, params: { _meta } }
}

function placesOf(headers: readonly ParamHeader[]): string {
  return JSON.stringify(headers.map(({ header, path }) => [header, path]))
}
