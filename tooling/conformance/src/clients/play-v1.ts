import { connectV1 } from './connect-v1.js'
import { providerFor, readContext } from './context.js'
import { play } from './play.js'
import { scenarioNamed } from './scenarios.js'

const connect = connectV1(providerFor(readContext(process.env)))
await play((name) => scenarioNamed(name, connect))
