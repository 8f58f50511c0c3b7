import { expect, test } from 'vitest'
import { inWordsOfCommandLine } from '../src/words.js'

test.each([
  ['it wants a credential (option auth, or headers)', 'it wants a credential'],
  ['is it running (options url, proxy)?', 'is it running?'],
  ['is that host right (options host, port)?', 'is that host right?'],
  ['does it speak TLS (option tls)?', 'does it speak TLS, as at tcps://?'],
  ['another server listens there (option path)', 'another server listens there'],
  ['is the path right (option url)? It may not be', 'is the path right? It may not be'],
  ['it redirects; make it the option url', 'it redirects; make it the URL'],
  ['user and password in the option proxy', 'user and password in HTTP_PROXY or HTTPS_PROXY'],
  ['option "cwd" (/nowhere) is no folder', 'option --cwd (/nowhere) is no folder'],
  ['option "command" (x) was not found', 'the command (x) was not found'],
  ['not within closeTimeoutMs (5 ms)', 'not within --close-timeout-ms (5 ms)'],
  ['no answer within connectTimeoutMs (5 ms)', 'no answer within 5 ms'],
  ['not one of tls.ca, or tls.caFile', 'not one of --tls-ca'],
])('%s: %s', (text, words) => {
  expect(inWordsOfCommandLine(text, 'server')).toBe(words)
})
