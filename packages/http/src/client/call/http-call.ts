import type { HeaderRecord } from '@mcpwire/core/authoring'
import { toError } from '@mcpwire/core/authoring'
import type { AnswerHead, EngineCall, EngineHandlers, EngineRequest } from '../../engines/engine.js'
import { BodyText } from './body-text.js'
import { type Link, type Tries, unsent, wayPast } from './client-context.js'
import type { RefusedAnswer } from './refused-answer.js'

/** The most of the text of a refusal that is kept, in bytes. */
const MAX_REFUSAL_BYTES = 65_536
/** The most of a body nobody wants that is read, so that its socket can be used again. */
const MAX_UNWANTED_BYTES = 65_536

/**
 * One HTTP request, sent again where redirects and challenges ask for it. What it is for is up to those who extend
 * it: each is one object from its beginning to the end of the answer.
 */
export abstract class HttpCall implements EngineHandlers {
  readonly link: Link
  readonly #method: EngineRequest['method']
  #url: URL
  #call: EngineCall | undefined
  #refusal: Refusal | undefined
  #tries: Tries | undefined
  #generation = 0
  #sent: HeaderRecord | undefined
  #isAccepted = false
  #isGivenUp = false
  #unwantedBytes = 0

  constructor(link: Link, method: EngineRequest['method'], url: URL = link.url) {
    this.link = link
    this.#method = method
    this.#url = url
  }

  /** What to send with it, asked each time it is sent. */
  protected abstract headers(): HeaderRecord | Promise<HeaderRecord>
  /** The server took the request; its answer begins. */
  protected abstract accepted(head: AnswerHead): void
  protected abstract received(chunk: Uint8Array): void
  /** All of the answer has arrived. */
  protected abstract finished(): void
  /** The server refused it for good. */
  protected abstract refused(answer: RefusedAnswer): void
  /** It could not be sent, or nobody answered, or the application could not say what to send. */
  protected abstract unsent(error: unknown): void
  /** The answer broke off. */
  protected abstract severed(cause: Error): void

  /** Whether anybody wants what arrives. What nobody wants is not held back: its socket is wanted. */
  protected get isRead(): boolean {
    return true
  }

  /** The body, where it has one. */
  protected get body(): string | undefined {
    return undefined
  }

  protected get isReply(): boolean {
    return false
  }

  /** Whether it opens the conversation. */
  protected get isOpening(): boolean {
    return false
  }

  get isGivenUp(): boolean {
    return this.#isGivenUp
  }

  /** Sends it. Nothing of the answer is told before this returns. */
  begin(): void {
    this.#isAccepted = false
    this.#generation = this.link.authorization?.generation ?? 0
    let headers: HeaderRecord | Promise<HeaderRecord>
    try {
      headers = this.headers()
    } catch (error) {
      this.#fail(error)
      return
    }
    if (!(headers instanceof Promise)) this.#send(headers)
    else
      headers.then(
        (asked) => this.#send(asked),
        (error) => this.#fail(error),
      )
  }

  /** Sends it once more, now that the server may take it. */
  protected again(): void {
    this.begin()
  }

  /** Sends it elsewhere from now on. */
  moveTo(url: URL): void {
    this.#url = url
  }

  /** Gives it up; nothing more is told. */
  giveUp(): void {
    this.#isGivenUp = true
    this.#forgetRefusal()
    this.#call?.abort()
  }

  pause(): void {
    if (this.#isAccepted && this.isRead) this.#call?.pause()
  }

  resume(): void {
    this.#call?.resume()
  }

  head(head: AnswerHead): void {
    try {
      this.#head(head)
    } catch (error) {
      this.#broke(error)
    }
  }

  data(chunk: Uint8Array): void {
    try {
      if (this.#refusal) this.#hearRefusal(this.#refusal, chunk)
      else if (this.isRead) this.received(chunk)
      else {
        this.#unwantedBytes += chunk.length
        if (this.#unwantedBytes > MAX_UNWANTED_BYTES) this.giveUp()
      }
    } catch (error) {
      this.#broke(error)
    }
  }

  end(): void {
    try {
      if (this.#refusal) this.#judge()
      else this.finished()
    } catch (error) {
      this.#broke(error)
    }
  }

  failed(cause: Error, delivery: 'none' | 'unknown'): void {
    if (this.#refusal) this.#judge()
    else if (this.#isAccepted) this.severed(cause)
    else this.#fail(unsent(this.link.address, cause, { delivery, isOpening: this.isOpening }))
  }

  #head(head: AnswerHead): void {
    const { status } = head
    if (status >= 200 && status < 300) {
      this.#isAccepted = true
      this.accepted(head)
      if (this.link.inflow.isPaused && !this.#isGivenUp) this.pause()
    } else {
      this.#refusal = new Refusal(head, this.#sent)
      // What it says is no reason to wait long for it.
      this.#refusal.patience = this.link.clock.deadline(this.link.connectTimeoutMs, () => {
        this.#call?.abort()
        this.#judge()
      })
    }
  }

  #hearRefusal(refusal: Refusal, chunk: Uint8Array): void {
    if (refusal.add(chunk)) return
    this.#call?.abort()
    this.#judge()
  }

  /** Something of ours failed of the answer. No engine knows what to do with that; whoever waits hears of it. */
  #broke(error: unknown): void {
    const cause = toError(error)
    this.#call?.abort()
    if (this.#isAccepted) this.severed(cause)
    else this.#fail(cause)
  }

  #send(headers: HeaderRecord): void {
    if (this.#isGivenUp) return
    this.#sent = headers
    const { body, isReply, isOpening } = this
    try {
      this.#call = this.link.engine.send(
        { method: this.#method, url: this.#url, headers, body, isReply, isOpening },
        this,
      )
    } catch (error) {
      this.#fail(unsent(this.link.address, toError(error), { delivery: 'none', isOpening }))
    }
  }

  #fail(error: unknown): void {
    if (!this.#isGivenUp) this.unsent(error)
  }

  #judge(): void {
    const answer = this.#forgetRefusal()
    if (!answer) return
    this.#tries ??= { redirects: 0, unauthorized: false, insufficientScope: false }
    const sent = { url: this.#url, generation: this.#generation, tries: this.#tries }
    wayPast(answer, this.link, sent)
      .then((url) => {
        if (this.#isGivenUp) return
        if (url === undefined) {
          this.refused(answer)
          return
        }
        this.#url = url
        this.again()
      })
      .catch((error) => this.#fail(error))
  }

  #forgetRefusal(): Refusal | undefined {
    const refusal = this.#refusal
    this.#refusal = undefined
    refusal?.patience?.[Symbol.dispose]()
    return refusal
  }
}

/** An answer that is no success, while its text arrives. */
class Refusal implements RefusedAnswer {
  readonly status: number
  readonly statusText: string
  readonly header: AnswerHead['header']
  readonly sent: HeaderRecord | undefined
  patience: Disposable | undefined
  readonly #body = new BodyText(MAX_REFUSAL_BYTES)
  #isText = true

  constructor(head: AnswerHead, sent: HeaderRecord | undefined) {
    this.sent = sent
    this.status = head.status
    this.statusText = head.statusText
    this.header = (name) => head.header(name)
  }

  /** Whether there is room for more. */
  add(chunk: Uint8Array): boolean {
    try {
      this.#body.add(chunk)
    } catch {
      this.#isText = false
    }
    return this.#isText && !this.#body.isTooLong
  }

  get text(): string {
    try {
      return this.#isText ? this.#body.text() : ''
    } catch {
      return ''
    }
  }
}
