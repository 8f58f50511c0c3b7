import type { Link } from './link.js'

/**
 * Calls back once the server has had `connectTimeoutMs`. It begins anew after the application was asked for a
 * credential: that has a time of its own, such as a person takes.
 */
export function serverDeadline(
  { clock, connectTimeoutMs, authorization }: Link,
  late: () => void,
): Disposable {
  let waiting: Disposable
  let isOver = false
  const wait = (): void => {
    if (isOver) return
    waiting = clock.deadline(connectTimeoutMs, () => {
      const asking = authorization?.asking
      if (asking) asking.then(wait, wait)
      else late()
    })
  }
  wait()
  return {
    [Symbol.dispose]: () => {
      isOver = true
      waiting[Symbol.dispose]()
    },
  }
}
