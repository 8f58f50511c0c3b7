import type { Link } from './client-context.js'

/**
 * Calls back once the server has had `connectTimeoutMs`. It begins anew after the application was asked for a
 * credential, which has a time of its own, such as a person takes, and after what arrives was held back.
 */
export function serverDeadline(
  { clock, connectTimeoutMs, authorization, inflow }: Link,
  late: () => void,
): Disposable {
  let waiting: Disposable
  let isOver = false
  const wait = (timeoutMs = connectTimeoutMs): void => {
    if (isOver) return
    waiting = clock.deadline(timeoutMs, () => {
      const asking = authorization?.asking
      const leftMs = inflow.heldAtMs + connectTimeoutMs - clock.now()
      if (asking) asking.then(goOn, goOn)
      else if (leftMs > 0) wait(leftMs)
      else late()
    })
  }
  const goOn = (): void => wait()
  wait()
  return {
    [Symbol.dispose]: () => {
      isOver = true
      waiting[Symbol.dispose]()
    },
  }
}
