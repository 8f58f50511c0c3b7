import { onTestFinished } from 'vitest'

/** Collects uncaught exceptions and unhandled rejections of this process until the test has finished. */
export function uncaughtErrors(): readonly unknown[] {
  const errors: unknown[] = []
  const collect = (error: unknown): void => void errors.push(error)
  process.on('uncaughtException', collect).on('unhandledRejection', collect)
  onTestFinished(() => void process.off('uncaughtException', collect).off('unhandledRejection', collect))
  return errors
}
