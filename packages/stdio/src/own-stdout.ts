import { Writable } from 'node:stream'

type Write = typeof process.stdout.write

/** The real `write` of a stream whose `write` was replaced by `guardStdout`. */
const realWrites = new WeakMap<object, Write>()

/** Where guarded output goes. */
export interface GuardStdoutOptions {
  /** The stream to guard; this process's standard output unless given. */
  readonly stdout?: NodeJS.WriteStream | undefined
  /** Where what others write goes instead; this process's standard error unless given. */
  readonly stderr?: NodeJS.WriteStream | undefined
}

/**
 * Sends to standard error what anything but the transport writes to standard output: `console.log`, banners of
 * dependencies, `process.stdout.write`. On stdio one such line would break the stream for many clients. Call it
 * before anything is imported that writes; disposing of the answer takes it back.
 */
export function guardStdout(options: GuardStdoutOptions = {}): Disposable {
  const stdout = options.stdout ?? process.stdout
  const stderr = options.stderr ?? process.stderr
  if (realWrites.has(stdout)) return { [Symbol.dispose]: () => {} }
  const own = Object.getOwnPropertyDescriptor(stdout, 'write')
  const guarded = ((...args: Parameters<Write>) => stderr.write(...args)) as Write
  realWrites.set(stdout, stdout.write.bind(stdout) as Write)
  stdout.write = guarded
  // What is redirected there may fail, when the host has closed it, and must not take the process down.
  if (!listenedTo.has(stderr)) {
    listenedTo.add(stderr)
    stderr.on('error', ignore)
  }
  return {
    [Symbol.dispose]: () => {
      realWrites.delete(stdout)
      // Who replaced it since has to put it back first.
      if (stdout.write !== guarded) return
      if (own) Object.defineProperty(stdout, 'write', own)
      else delete (stdout as { write?: Write }).write
    },
  }
}

/** Whether the stream was given to `guardStdout`. */
export function isGuarded(stdout: object): boolean {
  return realWrites.has(stdout)
}

/** Outputs whose errors somebody listens for already: one listener is enough for the life of the process. */
const listenedTo = new WeakSet<Writable>()

/**
 * A stream onto standard output that a transport may end and destroy: the output itself stays open, for a process
 * whose standard output is closed would give its number to the next file it opens.
 */
export function outputOnto(stdout: Writable): Writable {
  const write = realWrites.get(stdout) ?? (stdout.write.bind(stdout) as Write)
  let drained: ((error?: Error | null) => void) | undefined
  const output = new Writable({
    decodeStrings: false,
    // Done at once where there is room: the next write then leaves in this turn too, not after it.
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
  const fail = (error: Error): void => void output.destroy(error)
  stdout.on('drain', ondrain).on('error', fail)
  output.once('close', () => stdout.off('drain', ondrain).off('error', fail))
  // A failed write must not become an uncaught exception, not even after the transport is gone (EPIPE).
  if (!listenedTo.has(stdout)) {
    listenedTo.add(stdout)
    stdout.on('error', ignore)
  }
  return output
}

function ignore(): void {}
