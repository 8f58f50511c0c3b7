import { connectV2 } from './connect-v2.js'
import { providerFor, readContext } from './context.js'
import { modernScenarioNamed } from './modern-scenarios.js'
import { play } from './play.js'
import { scenarioNamed } from './scenarios.js'

const context = readContext(process.env)
const modern = process.env['MCP_CONFORMANCE_PROTOCOL_VERSION'] === '2026-07-28'
const connect = connectV2(providerFor(context), { modern })
await play((name) => modernScenarioNamed(name, context) ?? scenarioNamed(name, connect))
