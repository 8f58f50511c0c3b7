import { connectV1 } from './connect-v1.js'
import { parseContext, providerFor } from './context.js'
import { host } from './host.js'
import { scenarioNamed } from './scenarios.js'

host(({ scenario, context }) => scenarioNamed(scenario, connectV1(providerFor(parseContext(context)))))
