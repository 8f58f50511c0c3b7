import { statSync } from 'node:fs'
import type { Listener } from '@mcpwire/core'
import { expect, onTestFinished } from 'vitest'
import { type UnixServerOptions, unixServer } from '../../src/index.js'

/** A listener whose connections are started as they arrive; closed after the test. */
export function listenerOf(options: UnixServerOptions): Listener {
  const listener = unixServer(options)
  listener.onconnection = (connection) => void connection.start()
  onTestFinished(() => listener.close())
  return listener
}

/** The text of the error with which `start()` rejects. */
export async function startErrorOf(options: UnixServerOptions): Promise<string> {
  const error: unknown = await listenerOf(options)
    .start()
    .catch((reason: unknown) => reason)
  const address = `unix:${options.path}`
  expect(error).toMatchObject({ code: 'LISTEN_FAILED', details: { address } })
  const { message } = error as Error
  expect(message.startsWith(`cannot listen on ${address}: `), message).toBe(true)
  expect(message).not.toContain('\0')
  return message
}

/** The permission bits of a file. */
export function modeOf(path: string): number {
  return statSync(path).mode & 0o777
}
