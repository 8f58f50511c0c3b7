import {
  fromJsonSchema,
  inputRequired,
  type JsonSchemaType,
  type McpServer,
} from '@modelcontextprotocol/server'
import { text } from './content.js'

/** The annotation is no keyword of JSON Schema, so the type does not know it. */
const mirrored = {
  type: 'object',
  properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
} as JsonSchemaType

/** What the scenarios of 2026-07-28 call beyond the tools of every era. */
export function addModernTools(server: McpServer): void {
  server.registerTool(
    'test_mirrored_header',
    {
      description: 'Has an argument that travels in a header too',
      inputSchema: fromJsonSchema<{ region?: string }>(mirrored),
    },
    ({ region }) => ({ content: [text(`region=${region ?? ''}`)] }),
  )
  server.registerTool(
    'test_missing_capability',
    { description: "Needs the client's model" },
    ({ mcpReq: { inputResponses } }) =>
      inputResponses?.['answer'] === undefined
        ? inputRequired({
            inputRequests: {
              answer: inputRequired.createMessage({
                messages: [{ role: 'user', content: { type: 'text', text: 'Say something' } }],
                maxTokens: 10,
              }),
            },
          })
        : { content: [text('answered')] },
  )
  server.registerTool(
    'test_streaming_elicitation',
    { description: 'Needs the user, and asks in its result' },
    ({ mcpReq: { inputResponses } }) =>
      inputResponses?.['answer'] === undefined
        ? inputRequired({
            inputRequests: {
              answer: inputRequired.elicit({
                message: 'Go on?',
                requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } } },
              }),
            },
          })
        : { content: [text('answered')] },
  )
  server.registerTool(
    'test_logging_tool',
    { description: 'Logs, for clients that asked for it' },
    async ({ mcpReq }) => {
      await mcpReq.log('info', 'called')
      return { content: [text('logged')] }
    },
  )
  addListTriggers(server)
}

function addListTriggers(server: McpServer): void {
  const tool = server.registerTool('test_sometimes_there', { description: 'Comes and goes' }, () => ({
    content: [text('here')],
  }))
  const prompt = server.registerPrompt(
    'test_prompt_sometimes_there',
    { description: 'Comes and goes' },
    () => ({
      messages: [],
    }),
  )
  server.registerTool('test_trigger_tool_change', { description: 'Changes the list of tools' }, () => {
    tool.update({ enabled: !tool.enabled })
    return { content: [text('changed')] }
  })
  server.registerTool('test_trigger_prompt_change', { description: 'Changes the list of prompts' }, () => {
    prompt.update({ enabled: !prompt.enabled })
    return { content: [text('changed')] }
  })
}
