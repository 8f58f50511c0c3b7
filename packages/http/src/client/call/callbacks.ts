import { callbackFailed } from '@mcpwire/core/authoring'

/** Hears of a callback that failed. */
export interface CallbackReporter {
  report(error: Error): void
}

/**
 * How many microtasks after it arrived a response is with the application at the latest: behind a notification it
 * waits until that was handled. The end of the stream comes after it.
 */
const TURNS_OF_A_RESPONSE = 4

/** Calls a function of the application, which may throw. */
export function callBack(slot: string, callback: () => unknown, reporter: CallbackReporter): void {
  try {
    callback()
  } catch (cause) {
    reporter.report(callbackFailed(slot, cause))
  }
}

/** Tells the application that the stream of a request ended, once it has what came on it. */
export function callBackAtEnd(onRequestStreamEnd: () => void, reporter: CallbackReporter): void {
  let turns = TURNS_OF_A_RESPONSE
  const turn = (): void => {
    if (turns-- > 0) queueMicrotask(turn)
    else callBack('onRequestStreamEnd', onRequestStreamEnd, reporter)
  }
  turn()
}
