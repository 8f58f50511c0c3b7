import type { Socket } from 'node:net'
import type { ProxyProtocol } from '../authoring.js'
import type { Clock, Handshake, Refusal } from '../index.js'

/** The result of reading the header of a proxy. */
export type ProxyHeaderOutcome =
  | { readonly remote: Handshake['remote'] | undefined }
  | { readonly refusal: Refusal }
  /** The proxy disconnected without a byte, such as after a check that the port is open. */
  | 'disconnected'

/**
 * Reads the header of a proxy from a paused socket, and leaves the rest unread. A missing, late or malformed header is a
 * refusal. Rejects only where `read` throws.
 */
export function readProxyHeader(
  socket: Socket,
  { timeoutMs, read }: ProxyProtocol,
  clock: Clock,
): Promise<ProxyHeaderOutcome> {
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0)
    const timer = clock.deadline(timeoutMs, () => {
      settle(refused(`no header of the PROXY protocol arrived within ${timeoutMs} ms`))
    })
    const settle = (outcome: ProxyHeaderOutcome): void => {
      release()
      resolve(outcome)
    }
    const release = (): void => {
      timer[Symbol.dispose]()
      socket.off('readable', onreadable).off('close', onclose).off('end', onclose)
    }
    const onclose = (): void =>
      settle(
        held.length === 0
          ? 'disconnected'
          : refused('the connection closed within the header of the PROXY protocol'),
      )
    const onreadable = (): void => {
      try {
        for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
          held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
          const header = read(held)
          if (header.kind === 'incomplete') continue
          if (header.kind === 'malformed') settle(refused(header.reason))
          else {
            // Before the rest is unread: that emits `readable`.
            settle({ remote: header.remote })
            if (header.length < held.length) socket.unshift(held.subarray(header.length))
          }
          return
        }
      } catch (error) {
        release()
        reject(error)
      }
    }
    socket.on('readable', onreadable).once('close', onclose).once('end', onclose)
  })
}

function refused(reason: string): { readonly refusal: Refusal } {
  return { refusal: { admit: false, status: 400, reason } }
}
