import { type ErrorAdvice, TransportError } from '@mcpwire/core'
import { callbackFailed, previewOf, type Sink } from '@mcpwire/core/authoring'

/** Characters of one line that the callback receives. */
const MAX_LINE_CHARACTERS = 4096
/** Lines that are reported to `onerror` without a callback. */
const MAX_REPORTS = 10
const FIRST_REPORT_HINT =
  'the server works, but other clients may fail: it must write such lines to standard error'
const LAST_REPORT_HINT = 'further lines are not reported: pass option "onStrayOutput" to receive all of them'

/**
 * Reports the lines of a child's standard output that are not messages: banners, warnings, logs.
 *
 * Such a line never ends the conversation (clause C10). Without `onStrayOutput` the first ten are reported as
 * `MALFORMED_MESSAGE`.
 */
export function strayOutputReporter(
  address: string,
  sink: Pick<Sink, 'error'>,
  onStrayOutput: ((text: string) => void) | undefined,
): (text: string) => void {
  let reports = 0
  return (text) => {
    if (onStrayOutput) {
      callBack(onStrayOutput, text.slice(0, MAX_LINE_CHARACTERS), sink)
      return
    }
    if (reports >= MAX_REPORTS) return
    reports++
    const preview = previewOf(text)
    const message = `skipped a line on the standard output of ${address}: not a JSON-RPC message: ${JSON.stringify(preview)}`
    const advice = adviceFor(reports)
    sink.error(new TransportError('MALFORMED_MESSAGE', message, { preview, ...advice }))
  }
}

function adviceFor(reports: number): ErrorAdvice {
  if (reports === 1) return { hint: FIRST_REPORT_HINT }
  return reports === MAX_REPORTS ? { option: 'onStrayOutput', hint: LAST_REPORT_HINT } : {}
}

function callBack(onStrayOutput: (text: string) => void, text: string, sink: Pick<Sink, 'error'>): void {
  const failed = (cause: unknown): void => sink.error(callbackFailed('onStrayOutput', cause))
  try {
    const result: unknown = onStrayOutput(text)
    if (result !== undefined) Promise.resolve(result).catch(failed)
  } catch (cause) {
    failed(cause)
  }
}
