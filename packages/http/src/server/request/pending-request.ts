import type { JsonRpcRequest, ProgressToken, RequestId } from '@mcpwire/core'

/** One request of the client that awaits its response, and the answer to the POST that it goes out on. */
export class Call<Answer = unknown> {
  readonly id: RequestId
  readonly method: string
  readonly progressToken: ProgressToken | undefined
  readonly answer: Answer
  isAnswered = false

  constructor({ id, method, params }: JsonRpcRequest, answer: Answer) {
    this.id = id
    this.method = method
    this.progressToken = params?._meta?.progressToken
    this.answer = answer
  }
}
