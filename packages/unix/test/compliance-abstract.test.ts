import { describeListener, describeTransport } from '@mcpwire/compliance'
import { describe } from 'vitest'
import { listenerSubject, transportSubject } from './support/subjects.js'

describe.runIf(process.platform === 'linux')('abstract names', () => {
  describeTransport('unix, on an abstract name', transportSubject('abstract'))
  describeListener('unixServer, on an abstract name,', listenerSubject('abstract', { preamble: true }))
})
