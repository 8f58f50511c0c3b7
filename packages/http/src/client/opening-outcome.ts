import { type JsonRpcResponse, TransportError } from '@mcpwire/core'
import { printable, toError } from '@mcpwire/core/authoring'
import type { PostRequest } from './post-request.js'

/** The outcome of the first requests: their failure is the reason of the end, unless another request succeeds. */
export class OpeningOutcome {
  failure: Error | undefined
  readonly #address: string
  #isClosing = false

  constructor(address: string) {
    this.#address = address
  }

  sent(post: PostRequest): void {
    if (!post.isOpening) return
    post.sent.catch((error) => {
      if (!this.#isClosing) this.failure = toError(error)
    })
  }

  /** The channel closes: the failures that this causes are no reasons. */
  close(): void {
    this.#isClosing = true
  }

  /** The response is that of the server, or one in its place, which the error is the reason of. */
  responded(post: PostRequest, response: JsonRpcResponse, error?: Error): void {
    if ('result' in response) this.failure = undefined
    else if (post.isOpeningMethod) this.failure = error ?? this.#refused(response.error.message)
  }

  #refused(reason: string): TransportError {
    const address = this.#address
    const message = `${address} refused the first request: ${printable(reason)}`
    return new TransportError('CONNECT_FAILED', message, { address })
  }
}
