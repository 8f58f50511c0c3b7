import { TransportError } from '@mcpwire/core'
import { connectAdvice, describeTlsError } from '@mcpwire/core/node'

const NO_TLS = describeTlsError('ERR_SSL_WRONG_VERSION_NUMBER')?.reason

/** The error for a WebSocket that did not open, in words that say what to look at where that is known. */
export function connectFailed(
  { url, address }: { readonly url: URL; readonly address: string },
  cause: NodeJS.ErrnoException,
): Error {
  const message = `cannot connect to ${address}: ${wordsOf(cause, url.protocol === 'wss:')}`
  return new TransportError(
    'CONNECT_FAILED',
    message,
    { address, ...connectAdvice(cause, { host: 'url', port: 'url' }) },
    { cause },
  )
}

function wordsOf(cause: NodeJS.ErrnoException, isSecure: boolean): string {
  const meaning = describeTlsError(cause)?.reason
  if (meaning !== undefined)
    return meaning === NO_TLS ? `${meaning}; is the option url to start with ws://?` : meaning
  if (cause.message === 'socket hang up') {
    const hint = isSecure ? '' : '; is the option url to start with wss://?'
    return `it hung up before it answered${hint}`
  }
  // Several addresses that fail together have no message of their own, and those of OpenSSL have more than one line.
  return cause.message === '' ? String(cause.code) : cause.message.replace(/\s+/g, ' ').trim()
}
