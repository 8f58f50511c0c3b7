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
import { MirroredHeaders } from './call/request-headers.js'
import { errorInText, type RefusedResponse } from './call/response-errors.js'
import type { PostRequest } from './post-request.js'

/** The channel of tool headers. */
export interface ToolHeadersOwner {
  /** Sends a request of the client's own. */
  send(request: JsonRpcRequest): PostRequest
  report(error: Error): void
}

const TOOL_LIST = 'tools/list'
const TOOL_CALL = 'tools/call'
const MAX_TOOLS = 1_000
/** The most pages of a list that are requested for one call. */
const MAX_PAGES = 20
/** Makes our ids unlikely to be those of the application. */
const PRIVATE_ID_PREFIX = 'mcpwire/tools/'

/** A call that was refused because of its headers. */
interface RefusedToolCall {
  readonly post: PostRequest
  readonly response: RefusedResponse
  /** The mirrored arguments it was sent with. */
  readonly sentWith: readonly ParamHeader[]
}

/**
 * Mirrors the arguments of tool calls in headers (2026-07-28), by the tool lists that have arrived. After a call is
 * refused with `HEADER_MISMATCH` it requests the list once, and sends the call again where its headers changed.
 */
export class ToolHeaders {
  readonly #owner: ToolHeadersOwner
  readonly #schemas = new ToolSchemas(MAX_TOOLS)
  readonly #mirrored = new MirroredHeaders()
  readonly #waiting: RefusedToolCall[] = []
  /** The calls that were refused before. */
  readonly #repeated = new WeakSet<PostRequest>()
  #listing: { readonly request: JsonRpcRequest; readonly pages: number } | undefined
  #lastId = 0

  constructor(owner: ToolHeadersOwner) {
    this.#owner = owner
  }

  /** The headers that mirror the message. */
  mirroredHeaders(message: JsonRpcMessage): HeaderRecord {
    return this.#mirrored.of(message, this.#paramsOf(message))
  }

  /** Reads a response to `post`. Returns the response for the application, unless the request was ours. */
  read(response: JsonRpcResponse, post: PostRequest | undefined): JsonRpcResponse | undefined {
    if (response.id !== undefined && response.id === this.#listing?.request.id) {
      this.#listed(response)
      return undefined
    }
    const { message, isModern = false } = post ?? {}
    return isModern && message && isRequest(message) && message.method === TOOL_LIST
      ? this.#checked(response)
      : response
  }

  /** Returns whether a refused call waits for a new list of tools. It is then sent again, or refused. */
  recover(post: PostRequest, response: RefusedResponse): boolean {
    const { message, id, isModern } = post
    if (response.status !== 400 || !isModern || id === undefined || this.#repeated.has(post)) return false
    if (!isRequest(message) || message.method !== TOOL_CALL) return false
    if (errorInText(response.text, id)?.error.code !== HEADER_MISMATCH) return false
    this.#repeated.add(post)
    this.#waiting.push({ post, response, sentWith: this.#paramsOf(message) })
    if (!this.#listing) this.#list(listRequest(message, this.#newId()), 1)
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

  /** Sends the waiting calls again whose headers have changed. */
  #settle(): void {
    this.#listing = undefined
    for (const { post, response, sentWith } of this.#waiting.splice(0)) {
      if (post.isCancelled) continue
      if (placesOf(this.#paramsOf(post.message)) === placesOf(sentWith)) post.refuse(response)
      else post.start()
    }
  }

  #checked(response: JsonRpcResponse): JsonRpcResponse {
    const { response: checked, excluded } = this.#schemas.check(response)
    for (const { tool, reason } of excluded) {
      const message = `tool ${JSON.stringify(tool.slice(0, 80))} is removed from ${TOOL_LIST}: ${reason}`
      this.#owner.report(new TransportError('MALFORMED_MESSAGE', message, { preview: tool.slice(0, 64) }))
    }
    return checked
  }
}

/** A request for the tools with the `_meta` of the call. */
function listRequest({ params }: JsonRpcRequest, id: RequestId): JsonRpcRequest {
  const { progressToken: _, ..._meta } = params?._meta ?? {}
  return { jsonrpc: '2.0', id, method: TOOL_LIST, params: { _meta } }
}

function placesOf(headers: readonly ParamHeader[]): string {
  return JSON.stringify(headers.map(({ header, path }) => [header, path]))
}
