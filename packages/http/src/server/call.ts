import type { JsonRpcRequest, ProgressToken, RequestId } from '@mcpwire/core'
import type { PostAnswer } from './post-answer.js'

/** One request of the client that awaits its response. */
export class Call {
  readonly id: RequestId
  readonly method: string
  readonly progressToken: ProgressToken | undefined
  readonly answer: PostAnswer
  isAnswered = false

  constructor({ id, method, params }: JsonRpcRequest, answer: PostAnswer) {
    this.id = id
    this.method = method
    this.progressToken = params?._meta?.progressToken
    this.answer = answer
  }
}
