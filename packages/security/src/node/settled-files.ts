import type { Clock } from '@mcpwire/core'
import { type CertificatePaths, type FileState, readFiles } from './certificate-files.js'
import { watchFiles } from './file-watch.js'

/** The times of `followFiles`. */
export interface FollowOptions {
  /** Time for which new contents must stay the same before they are used, in milliseconds. */
  readonly settleMs: number
  readonly checkIntervalMs: number
  readonly clock: Clock
}

/** Receives the contents of followed files. */
export interface FileFollower {
  /** Called with new contents, and again at each check while it returns `false`. Returns whether they are in use now. */
  readonly use: (state: FileState) => boolean
  /** Called where the contents are, or are again, those in use. */
  readonly unchanged: () => void
  /** Called at each check. */
  readonly check: () => void
}

/** Follows the contents of files, from those with this digest on. Dispose of it to end that. */
export function followFiles(
  paths: CertificatePaths,
  digest: string,
  options: FollowOptions,
  follower: FileFollower,
): Disposable {
  const { settleMs, checkIntervalMs, clock } = options
  let inUse = digest
  let latest = digest
  let isReading = false
  let isChangedMeanwhile = false
  let isDisposed = false
  let settling: Disposable | undefined
  let checking: Disposable | undefined

  const readAll = async (isSettled: boolean): Promise<void> => {
    watch.renew()
    const state = await readFiles(paths)
    if (isDisposed) return
    const isSame = state.digest === latest
    latest = state.digest
    if (latest === inUse) follower.unchanged()
    else if (!isSettled || !isSame) settle()
    else if (follower.use(state)) inUse = latest
  }
  const read = async (isSettled: boolean): Promise<void> => {
    if (isReading) {
      isChangedMeanwhile = true
      return
    }
    isReading = true
    await readAll(isSettled)
    isReading = false
    if (!isChangedMeanwhile || isDisposed) return
    isChangedMeanwhile = false
    changed()
  }
  const changed = (): void => {
    // The reading after the wait notices the change.
    if (!settling && !isDisposed) void read(false)
  }
  const settle = (): void => {
    settling = clock.deadline(settleMs, () => {
      settling = undefined
      void read(true)
    })
  }
  const check = (): void => {
    checking = clock.deadline(checkIntervalMs, check)
    follower.check()
    changed()
  }
  const files = [paths.certFile, paths.keyFile, paths.caFile].filter((file) => file !== undefined)
  const watch = watchFiles(files, changed)
  checking = clock.deadline(0, check)
  return {
    [Symbol.dispose]: () => {
      isDisposed = true
      watch[Symbol.dispose]()
      settling?.[Symbol.dispose]()
      checking?.[Symbol.dispose]()
    },
  }
}
