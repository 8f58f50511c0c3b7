import timers from 'node:timers'

/**
 * Once the turn of the event loop is over. Not before does undici use a socket again whose answer has ended, nor does
 * an agent of Node: another request would open a new one.
 */
export function afterTurn(then: () => void): void {
  timers.setImmediate(then)
}
