import { type CallerResolver, checkResolved, type Handshake, type Refusal } from '../contract/gate.js'
import { callbackFailed } from '../transport/transport-errors.js'
import { unavailable } from './admission.js'

/** The resolver with its failures as refusals, which are reported. */
export function guardedResolver(
  resolveCaller: CallerResolver,
  report: (error: Error) => void,
): (handshake: Handshake) => Handshake | Refusal {
  return (handshake) => {
    try {
      return checkResolved(resolveCaller(handshake))
    } catch (cause) {
      report(callbackFailed('resolveCaller', cause, 'a caller was refused because resolveCaller'))
      return unavailable('the server could not identify the caller')
    }
  }
}
