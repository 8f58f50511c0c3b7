import { describeTransport } from '@mcpwire/compliance'
import { plainSubject } from './support/subjects.js'

describeTransport('tcp', plainSubject())
