import { Writable } from 'node:stream'
import { ignore } from '@mcpwire/core/authoring'

type Write = typeof process.stdout.write

/** The original `write` of each stream that `guardStdout` guards. */
const originalWrites = new WeakMap<object, Write>()

/** Options of `guardStdout`. */
export interface GuardStdoutOptions {
  /** The stream to guard. Without it, the standard output of this process. */
  readonly stdout?: NodeJS.WriteStream | undefined
  /** The stream that receives redirected output. Without it, the standard error of this process. */
  readonly stderr?: NodeJS.WriteStream | undefined
}

/**
 * Redirects to standard error what anything but the transport writes to standard output: `console.log`, banners of
 * dependencies, `process.stdout.write`. One such line would break the stream for many clients.
 *
 * Call it before you import modules that write. Dispose of the result to restore the original `write`.
 *
 * @example
 * ```ts
 * guardStdout()
 * console.log('this line goes to standard error')
 * ```
 */
export function guardStdout(options: GuardStdoutOptions = {}): Disposable {
  const stdout = options.stdout ?? process.stdout
  const stderr = options.stderr ?? process.stderr
  if (originalWrites.has(stdout)) return { [Symbol.dispose]: () => {} }
  const own = Object.getOwnPropertyDescriptor(stdout, 'write')
  const guarded = ((...args: Parameters<Write>) => stderr.write(...args)) as Write
  originalWrites.set(stdout, stdout.write.bind(stdout) as Write)
  stdout.write = guarded
  // Standard error fails when the host has closed it. That must not end the process.
  ignoreErrors(stderr)
  return {
    [Symbol.dispose]: () => {
      originalWrites.delete(stdout)
      // A later replacement of `write` has to be undone first, by the code that made it.
      if (stdout.write !== guarded) return
      if (own) Object.defineProperty(stdout, 'write', own)
      else delete (stdout as { write?: Write }).write
    },
  }
}

/** Whether `guardStdout` guards the stream. */
export function isGuarded(stdout: object): boolean {
  return originalWrites.has(stdout)
}

/**
 * A stream onto standard output that a transport may end and destroy. Standard output itself stays open: after a
 * close the next file that the process opens would get its descriptor.
 */
export function sharedOutput(stdout: Writable): Writable {
  const write = originalWrites.get(stdout) ?? (stdout.write.bind(stdout) as Write)
  let drained: ((error?: Error | null) => void) | undefined
  const output = new Writable({
    decodeStrings: false,
    // Calls back at once while the buffer has space, so that the next write happens in this turn too.
    write: (chunk: string, encoding, done) => {
      if (write(chunk, encoding)) done()
      else drained = done
    },
    final: (done) => void write('', done),
  })
  const ondrain = (): void => {
    const done = drained
    drained = undefined
    done?.()
  }
  const onerror = (error: Error): void => void output.destroy(error)
  stdout.on('drain', ondrain).on('error', onerror)
  output.once('close', () => stdout.off('drain', ondrain).off('error', onerror))
  // A failed write (EPIPE) must not become an uncaught exception, even after the transport has closed.
  ignoreErrors(stdout)
  return output
}

/** Streams with an error listener: one is enough for the life of the process. */
const listenedTo = new WeakSet<Writable>()

function ignoreErrors(stream: Writable): void {
  if (listenedTo.has(stream)) return
  listenedTo.add(stream)
  stream.on('error', ignore)
}
