import timers from 'node:timers'

/**
 * Runs the function after the current turn of the event loop. Only then do undici and the agents of Node reuse the
 * socket of a response that has ended.
 */
export function afterTurn(then: () => void): void {
  timers.setImmediate(then)
}
