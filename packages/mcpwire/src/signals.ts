import { constants } from 'node:os'
import { log } from './report.js'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The exit code of a process that a signal ended, as shells count. */
const SIGNAL_BASE = 128

/**
 * Calls `close` on the first signal that ends a process, and exits on the second. The default action would end this
 * process without its children. SIGHUP is logged: `nohup` ignores it, but Node restores its default action.
 */
export function onFirstSignal(name: string, close: () => void): void {
  let isClosing = false
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (isClosing) process.exit(SIGNAL_BASE + constants.signals[signal])
      isClosing = true
      if (signal === 'SIGHUP') log(name, 'ended by SIGHUP', 'warn')
      close()
    })
  }
}

/** Exits on the first signal that ends a process. The exit handlers kill its children. */
export function exitOnSignal(): void {
  for (const signal of SIGNALS) {
    process.on(signal, () => process.exit(SIGNAL_BASE + constants.signals[signal]))
  }
}
