import { TransportError } from '@mcpwire/core'
import { callbackFailed, previewOf, type Sink } from '@mcpwire/core/authoring'

/** The longest piece of foreign output that a callback is given. */
const MAX_NOISE_CHARACTERS = 4096
/** How many pieces are reported to those who gave no callback. */
const MAX_NOISE_REPORTS = 10

/**
 * Where lines on a child's standard output go that are no messages: banners, warnings, logs. Never an end of the
 * conversation (clause C10). Without `onStrayOutput` the first ten are reported as `MALFORMED_MESSAGE`.
 */
export function noiseReporter(
  address: string,
  sink: Pick<Sink, 'error'>,
  onStrayOutput: ((text: string) => void) | undefined,
): (text: string) => void {
  let reports = 0
  return (text) => {
    if (onStrayOutput) {
      tell(onStrayOutput, text.slice(0, MAX_NOISE_CHARACTERS), sink)
      return
    }
    if (reports >= MAX_NOISE_REPORTS) return
    reports++
    const more =
      reports === MAX_NOISE_REPORTS
        ? '; no more of these are reported, give onStrayOutput to have them all'
        : ''
    const message = `skipped what ${address} wrote to its standard output: not a JSON-RPC message${more}`
    sink.error(new TransportError('MALFORMED_MESSAGE', message, { preview: previewOf(text) }))
  }
}

function tell(onStrayOutput: (text: string) => void, text: string, sink: Pick<Sink, 'error'>): void {
  const failed = (cause: unknown): void => sink.error(callbackFailed('onStrayOutput', cause))
  try {
    const result: unknown = onStrayOutput(text)
    if (result !== undefined) Promise.resolve(result).catch(failed)
  } catch (cause) {
    failed(cause)
  }
}
