import { describeTransport, loopback } from '../src/index.js'

describeTransport('loopback', loopback)
