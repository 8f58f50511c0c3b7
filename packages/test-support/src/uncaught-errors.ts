import { onTestFinished } from 'vitest'

/** Collects uncaught exceptions and unhandled rejections of this process until the test has finished. */
export function uncaughtErrors(): Error[] {
  const errors: Error[] = []
  const collect = (error: unknown): void => void errors.push(error as Error)
  process.on('uncaughtException', collect).on('unhandledRejection', collect)
  onTestFinished(() => void process.off('uncaughtException', collect).off('unhandledRejection', collect))
  return errors
}
