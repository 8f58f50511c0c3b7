import { setTimeout as sleep } from 'node:timers/promises'
import { audio, embedded, image, text } from './content.js'
import { contact, defaults, enums } from './elicitation-schemas.js'
import type { JsonSchema, Tool, ToolCall, ToolResult } from './tool.js'

/** The suite asks for pauses of about this long, so that notifications cannot all arrive at once. */
const PAUSE_MS = 50

/** The tools of the session eras, which both SDKs serve. */
export const tools: readonly Tool[] = [
  simple('test_simple_text', 'Returns text', {
    content: [text('This is a simple text response for testing.')],
  }),
  simple('test_image_content', 'Returns an image', { content: [image] }),
  simple('test_audio_content', 'Returns a sound', { content: [audio] }),
  simple('test_embedded_resource', 'Returns a resource', {
    content: [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
  }),
  simple('test_multiple_content_types', 'Returns text, an image and a resource', {
    content: [
      text('Multiple content types test:'),
      image,
      embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ],
  }),
  simple('test_error_handling', 'Fails', {
    content: [text('This tool intentionally returns an error for testing')],
    isError: true,
  }),
  { name: 'test_tool_with_logging', description: 'Logs while it works', run: logThrice },
  { name: 'test_tool_with_progress', description: 'Reports how far it is', run: reportProgress },
  {
    name: 'test_reconnection',
    description: 'Ends its stream before it answers, so that the client has to come back',
    run: answerAfterClosing,
  },
  {
    name: 'test_sampling',
    description: "Asks the client's model",
    inputSchema: withText('prompt', 'What to ask the model'),
    run: askModel,
  },
  {
    name: 'test_elicitation',
    description: 'Asks the user for a name and an address',
    inputSchema: withText('message', 'What to show the user'),
    run: async (call) =>
      elicitationResult('User response', await elicit(call, String(call.args['message']), contact)),
  },
  {
    name: 'test_elicitation_sep1034_defaults',
    description: 'Asks the user with a default for every field',
    run: async (call) =>
      elicitationResult('Elicitation completed', await elicit(call, 'Check the values', defaults)),
  },
  {
    name: 'test_elicitation_sep1330_enums',
    description: 'Asks the user to choose in five ways',
    run: async (call) => elicitationResult('Elicitation completed', await elicit(call, 'Choose', enums)),
  },
  {
    name: 'json_schema_2020_12_tool',
    description: 'Has a schema with the vocabulary of JSON Schema 2020-12',
    inputSchema: fullVocabulary(),
    run: () => ({ content: [text('done')] }),
  },
]

function simple(name: string, description: string, result: ToolResult): Tool {
  return { name, description, run: () => result }
}

function withText(property: string, description: string): JsonSchema {
  return {
    type: 'object',
    properties: { [property]: { type: 'string', description } },
    required: [property],
  }
}

async function logThrice({ notify }: ToolCall): Promise<ToolResult> {
  const log = (data: string) => notify('notifications/message', { level: 'info', data })
  await log('Tool execution started')
  await sleep(PAUSE_MS)
  await log('Tool processing data')
  await sleep(PAUSE_MS)
  await log('Tool execution completed')
  return { content: [text('Logged three messages')] }
}

async function reportProgress({ notify, progressToken }: ToolCall): Promise<ToolResult> {
  for (const progress of [0, 50, 100]) {
    if (progress > 0) await sleep(PAUSE_MS)
    if (progressToken !== undefined)
      await notify('notifications/progress', { progressToken, progress, total: 100 })
  }
  return { content: [text('Reached 100 of 100')] }
}

async function answerAfterClosing({ closeStream }: ToolCall): Promise<ToolResult> {
  closeStream()
  await sleep(PAUSE_MS)
  return { content: [text('Sent after the stream had ended')] }
}

async function askModel({ ask, args }: ToolCall): Promise<ToolResult> {
  const answer = await ask('sampling/createMessage', {
    messages: [{ role: 'user', content: { type: 'text', text: String(args['prompt']) } }],
    maxTokens: 100,
  })
  return { content: [text(`LLM response: ${JSON.stringify(answer['content'])}`)] }
}

function elicit({ ask }: ToolCall, message: string, requestedSchema: JsonSchema) {
  return ask('elicitation/create', { message, requestedSchema })
}

function elicitationResult(what: string, answer: Record<string, unknown>): ToolResult {
  const { action, content } = answer
  return { content: [text(`${what}: action=${String(action)}, content=${JSON.stringify(content ?? {})}`)] }
}

function fullVocabulary(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    $defs: {
      address: {
        $anchor: 'addressDef',
        type: 'object',
        properties: { street: { type: 'string' }, city: { type: 'string' } },
      },
    },
    properties: {
      name: { type: 'string' },
      address: { $ref: '#/$defs/address' },
      contactMethod: { type: 'string', enum: ['phone', 'email'] },
      phone: { type: 'string' },
      email: { type: 'string' },
    },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false,
  }
}
