import { describeTransport } from '@mcpwire/compliance'
import { mutualTls, tls } from './support/credentials.js'
import { tlsSubject } from './support/subjects.js'

describeTransport('tcp under TLS', tlsSubject(tls))
describeTransport('tcp under mutual TLS', tlsSubject(mutualTls))
