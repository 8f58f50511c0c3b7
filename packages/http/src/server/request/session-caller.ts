import type { Admission, Handshake, Peer, Refusal, SessionGrant } from '@mcpwire/core'
import { callbackFailed, checkRefusal } from '@mcpwire/core/authoring'

/** The peer of a request. */
export function peerOf({ remote: { address }, tls }: Handshake): Peer {
  const host = address?.includes(':') ? `[${address}]` : (address ?? '')
  return Object.freeze({ medium: 'http', address: `http://${host}`, ...(tls && { tls }) })
}

/** The refusal of a further request of a session by the grant of the session. An error of `check` is one, and is reported. */
export function refusalByGrant(
  grant: SessionGrant,
  { handshake, admission }: { readonly handshake: Handshake; readonly admission: Admission },
  report: (error: Error) => void,
): Refusal | undefined {
  try {
    const refusal = grant.check?.(handshake, admission)
    return refusal === undefined ? undefined : checkRefusal(refusal)
  } catch (cause) {
    report(callbackFailed('grant.check', cause, 'a request was refused because check() of its session'))
    return { admit: false, status: 503, reason: 'the server could not decide whether to admit the request' }
  }
}
