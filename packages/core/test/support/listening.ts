import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { createListener } from '../../src/authoring.js'
import type { ListenerOptions, RefusedCaller, Transport } from '../../src/index.js'
import { acceptor, type Caller, type HandmadeListening } from './acceptors.js'

/** An open listener with its records. */
export async function listening(options: ListenerOptions = {}, parts: HandmadeListening = {}) {
  const made = making(options, parts)
  await made.listener.start()
  const offer = async (...callers: Caller[]): Promise<void> => {
    for (const each of callers) made.sink.connection(each)
    await settled()
  }
  return { ...made, offer }
}

export function making(options: ListenerOptions = {}, parts: HandmadeListening = {}) {
  const clock = fakeClock()
  const accepting = acceptor(parts)
  const listener = createListener(accepting, { clock, ...options })
  const yielded: Transport[] = []
  const log: string[] = []
  const errors: Error[] = []
  const refused: RefusedCaller[] = []
  listener.onconnection = (connection) => yielded.push(connection)
  listener.onrefused = (caller) => refused.push(caller)
  listener.onerror = (error) => {
    errors.push(error)
    log.push('error')
  }
  listener.onclose = () => log.push('close')
  return {
    clock,
    acceptor: accepting,
    listener,
    yielded,
    log,
    errors,
    refused,
    get sink() {
      return accepting.sink
    },
  }
}
