import {
  fromJsonSchema,
  type JsonSchemaType,
  McpServer,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { addModernTools } from './modern-tools.js'
import { addMultiRoundTools } from './multi-round-tools.js'
import { completionsFor, type Prompt, prompts } from './prompts.js'
import { resources, template } from './resources.js'
import { stateCodec } from './state-codec.js'
import type { Tool, ToolCall } from './tool.js'
import { tools } from './tools.js'

/** Everything the suite asks of a server in either era, on `@modelcontextprotocol/server`. */
export function v2Server(): McpServer {
  const server = new McpServer(
    { name: 'everything-v2', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: true },
        logging: {},
        completions: {},
      },
      requestState: { verify: stateCodec.verify },
    },
  )
  for (const tool of tools) addTool(server, tool)
  for (const prompt of prompts) addPrompt(server, prompt)
  addResources(server)
  addModernTools(server)
  addMultiRoundTools(server)
  server.server.setRequestHandler('completion/complete', ({ params }) => ({
    completion: completionsFor(params.argument.value),
  }))
  return server
}

function addTool(server: McpServer, { name, description, inputSchema, run }: Tool): void {
  if (inputSchema === undefined) {
    server.registerTool(name, { description }, (context) => run(callOf({}, context)))
    return
  }
  const schema = fromJsonSchema<Record<string, unknown>>(inputSchema as JsonSchemaType)
  server.registerTool(name, { description, inputSchema: schema }, (args, context) =>
    run(callOf(args, context)),
  )
}

function callOf(args: Record<string, unknown>, { mcpReq, http }: ServerContext): ToolCall {
  return {
    args,
    progressToken: mcpReq._meta?.progressToken,
    notify: (method, params) => mcpReq.notify({ method, params }),
    ask: (method, params) => mcpReq.send({ method, params }),
    closeStream: () => http?.closeSSE?.(),
  }
}

function addPrompt(server: McpServer, { name, description, arguments: args, messages }: Prompt): void {
  if (args.length === 0) {
    server.registerPrompt(name, { description }, () => ({ messages: messages({}) }))
    return
  }
  const argsSchema = fromJsonSchema<Record<string, string>>({
    type: 'object',
    properties: Object.fromEntries(
      args.map((argument) => [argument.name, { type: 'string', description: argument.description }]),
    ),
    required: args.map((argument) => argument.name),
  })
  server.registerPrompt(name, { description, argsSchema }, (given) => ({ messages: messages(given) }))
}

function addResources(server: McpServer): void {
  for (const { uri, name, description, mimeType, read } of resources) {
    server.registerResource(name, uri, { description, mimeType }, () => ({ contents: [read()] }))
  }
  const { name, uriTemplate, description, mimeType, read } = template
  const pattern = new ResourceTemplate(uriTemplate, { list: undefined })
  server.registerResource(name, pattern, { description, mimeType }, (uri, { id }) => ({
    contents: [read(uri.href, String(id))],
  }))
  server.server.setRequestHandler('resources/subscribe', () => ({}))
  server.server.setRequestHandler('resources/unsubscribe', () => ({}))
}
