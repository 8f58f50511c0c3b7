import { TransportError } from '@mcpwire/core'
import { invalidOption, rejectOption } from '@mcpwire/core/authoring'
import type { CreateDialer, Dial } from '../dialer.js'
import { webFrames } from './web-frames.js'

/** Makes connections with the platform's own WebSocket, which takes subprotocols and nothing else. */
export const createDialer: CreateDialer = ({ url, address, maxMessageBytes, deflate, tls, sendsHeaders }) => {
  if (sendsHeaders) rejectOption('headers', 'left out where no header can be sent; see tokenInSubprotocol')
  if (tls !== undefined) rejectOption('tls', 'left out where the platform decides whom to trust')
  if (deflate !== undefined) invalidOption('deflate', deflate, 'left out where the platform decides')
  const dial: Dial = ({ subprotocols }, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const socket = new WebSocket(url, [...subprotocols])
      const settled = (): void => {
        signal.removeEventListener('abort', abort)
        socket.removeEventListener('open', open)
        socket.removeEventListener('close', close)
      }
      const abort = (): void => {
        settled()
        socket.close()
        reject(signal.reason)
      }
      const open = (): void => {
        settled()
        resolve(webFrames(socket, { address, maxMessageBytes }))
      }
      const close = ({ code }: CloseEvent): void => {
        settled()
        // The platform keeps from a page why it could not connect.
        const message = `cannot connect to ${address} (${code}); is it running, and the option url right?`
        reject(new TransportError('CONNECT_FAILED', message, { address }))
      }
      signal.addEventListener('abort', abort, { once: true })
      socket.addEventListener('open', open)
      socket.addEventListener('close', close)
    })
  return dial
}
