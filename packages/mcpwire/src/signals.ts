import { constants } from 'node:os'
import { say } from './report.js'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The exit code of a process that a signal ended, as shells count. */
const SIGNAL_BASE = 128

/**
 * Calls back on the first signal that asks this process to end, and ends it on the second. Leaving either to the
 * system would end this process without its children. Says so of SIGHUP: whoever ran it by `nohup` does not expect it,
 * but Node takes back that it was to be ignored.
 */
export function onFirstSignal(name: string, close: () => void): void {
  let isClosing = false
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (isClosing) process.exit(SIGNAL_BASE + constants.signals[signal])
      isClosing = true
      if (signal === 'SIGHUP') say(name, 'ended by SIGHUP')
      close()
    })
  }
}

/** Ends this process on any such signal, and with it the children it has. */
export function endOnSignal(): void {
  for (const signal of SIGNALS) {
    process.on(signal, () => process.exit(SIGNAL_BASE + constants.signals[signal]))
  }
}
