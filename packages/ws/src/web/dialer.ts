import { TransportError } from '@mcpwire/core'
import { onAbort, optionError } from '@mcpwire/core/authoring'
import type { CreateDialer, Dial } from '../frame-socket.js'
import { webFrames } from './web-frames.js'

/** Opens connections with the `WebSocket` of the platform, which supports subprotocols and no other option. */
export const createDialer: CreateDialer = ({ url, address, maxMessageBytes, deflate, tls, hasHeaders }) => {
  if (hasHeaders) unsupported('headers', 'use option "tokenInSubprotocol"')
  if (tls !== undefined) unsupported('tls', 'the platform verifies the server')
  if (deflate !== undefined) unsupported('deflate', 'the platform decides about compression')
  const dial: Dial = ({ subprotocols }, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const socket = new WebSocket(url, [...subprotocols])
      const settled = (): void => {
        unsubscribe()
        socket.removeEventListener('open', open)
        socket.removeEventListener('close', close)
      }
      const open = (): void => {
        settled()
        resolve(webFrames(socket, { address, maxMessageBytes }))
      }
      const close = ({ code }: CloseEvent): void => {
        settled()
        // The platform conceals the reason from the page.
        const message = `cannot connect to ${address}: the socket closed with code ${code}`
        const hint = 'check that the server is running and that option "url" is correct'
        reject(new TransportError('CONNECT_FAILED', message, { address, option: 'url', hint }))
      }
      const unsubscribe = onAbort(signal, () => {
        settled()
        socket.close()
        reject(signal.reason)
      })
      socket.addEventListener('open', open)
      socket.addEventListener('close', close)
    })
  return dial
}

function unsupported(option: string, hint: string): never {
  throw optionError(option, 'is not supported in browsers', { hint })
}
