import type { Client, ClientOptions } from '@modelcontextprotocol/client'
import { v2Client } from './connect-v2.js'
import type { Context } from './context.js'
import { overHttp } from './over-http.js'
import type { Scenario } from './scenarios.js'

/** The scenarios for 2026-07-28 only. The v2 client alone supports them. */
export function modernScenarioNamed(name: string, context: Context): Scenario | undefined {
  const plays: Readonly<Record<string, Scenario>> = {
    'request-metadata': negotiate,
    'http-standard-headers': playing({}, useEverything),
    'http-custom-headers': playing({}, (client) => makeCalls(client, context)),
    'http-invalid-tool-headers': playing({}, callWhatIsListed),
    'sep-2322-client-request-state': playing({ capabilities: { elicitation: {} } }, callWhatIsListed),
  }
  return plays[name]
}

/** The suite first refuses the version, then checks the contents of every later request. */
async function negotiate(url: URL): Promise<void> {
  const client = v2Client({
    capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {} },
    versionNegotiation: { mode: 'auto' },
  })
  await client.connect(overHttp(url, undefined))
  await client.listTools()
  await client.close()
}

/** These servers of the suite do not support `server/discover`. The client gets its result from here. */
function playing(options: ClientOptions, play: (client: Client) => Promise<void>): Scenario {
  return async (url) => {
    const client = v2Client({ ...options, versionNegotiation: { mode: 'auto' } })
    if (options.capabilities?.elicitation !== undefined) {
      client.setRequestHandler('elicitation/create', () => ({
        action: 'accept' as const,
        content: { confirmed: true },
      }))
    }
    await client.connect(overHttp(url, undefined), {
      prior: {
        kind: 'modern',
        discover: {
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: {}, resources: {}, prompts: {} },
          resultType: 'complete',
          ttlMs: 0,
          cacheScope: 'private',
        },
      },
    })
    await play(client)
    await client.close()
  }
}

async function useEverything(client: Client): Promise<void> {
  const { tools } = await client.listTools()
  for (const { name } of tools) await client.callTool({ name, arguments: {} })
  const { resources } = await client.listResources()
  for (const { uri } of resources) await client.readResource({ uri })
  const { prompts } = await client.listPrompts()
  for (const { name } of prompts) await client.getPrompt({ name })
}

/** The list of tools comes first: it names the arguments that are sent in headers. */
async function makeCalls(client: Client, { toolCalls }: Context): Promise<void> {
  await client.listTools()
  for (const call of toolCalls) await client.callTool(call)
}

async function callWhatIsListed(client: Client): Promise<void> {
  const { tools } = await client.listTools()
  for (const { name } of tools) await client.callTool({ name, arguments: { region: 'us-west1' } })
}
