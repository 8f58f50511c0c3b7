import type { Caller, Connect, ConnectSettings } from './caller.js'

/** Runs one scenario against the server of the suite. */
export type Scenario = (url: URL) => Promise<void>

/** The scenario of that name that both SDKs support, if it exists. */
export function scenarioNamed(name: string, connect: Connect): Scenario | undefined {
  const play = name.startsWith('auth/')
    ? playing(connect, { authorizes: true }, callEveryTool)
    : playsOf(connect)[name]
  return play
}

function playsOf(connect: Connect): Readonly<Record<string, Scenario>> {
  return {
    initialize: playing(connect, {}, async (caller) => void (await caller.listTools())),
    tools_call: playing(connect, {}, addNumbers),
    'sse-retry': playing(connect, {}, callEveryTool),
    'elicitation-sep1034-client-defaults': playing(connect, { acceptsDefaults: true }, callEveryTool),
    'json-schema-2020-12-preservation': playing(connect, {}, echoSchema),
    'json-schema-ref-no-deref': playing(connect, {}, async (caller) => void (await caller.listTools())),
  }
}

function playing(
  connect: Connect,
  settings: ConnectSettings,
  play: (caller: Caller) => Promise<void>,
): Scenario {
  return async (url) => {
    const caller = await connect(url, settings)
    await play(caller)
    await caller.close()
  }
}

async function callEveryTool(caller: Caller): Promise<void> {
  const { tools } = await caller.listTools()
  for (const { name } of tools) await caller.callTool({ name, arguments: {} })
}

async function addNumbers(caller: Caller): Promise<void> {
  await caller.listTools()
  await caller.callTool({ name: 'add_numbers', arguments: { a: 5, b: 3 } })
}

async function echoSchema(caller: Caller): Promise<void> {
  const { tools } = await caller.listTools()
  const schema = tools.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema
  await caller.callTool({ name: 'json_schema_echo', arguments: { schema } })
}
