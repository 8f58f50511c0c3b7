import { describeListener, describeTransport } from '@mcpwire/compliance'
import { listenerSubject, transportSubject } from './support/subjects.js'

describeTransport('unix, on a file', transportSubject('file'))
describeListener('unixServer, on a file,', listenerSubject('file', { preamble: false }))
describeListener('unixServer, on a file, behind a preamble,', listenerSubject('file', { preamble: true }))
