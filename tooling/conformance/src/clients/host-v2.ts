import { connectV2 } from './connect-v2.js'
import { parseContext, providerFor } from './context.js'
import { host } from './host.js'
import { modernScenarioNamed } from './modern-scenarios.js'
import { scenarioNamed } from './scenarios.js'

host(({ scenario, version, context }) => {
  const given = parseContext(context)
  const connect = connectV2(providerFor(given), { modern: version === '2026-07-28' })
  return modernScenarioNamed(scenario, given) ?? scenarioNamed(scenario, connect)
})
