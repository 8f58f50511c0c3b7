import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  ResultSchema,
  type ServerNotification,
  type ServerRequest,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { completionsFor, prompts } from './prompts.js'
import { readResource, resources, template } from './resources.js'
import type { ToolCall } from './tool.js'
import { tools } from './tools.js'

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>

/** Everything the suite asks of a server, on `@modelcontextprotocol/sdk`. */
export function v1Server(): Server {
  const server = new Server(
    { name: 'everything-v1', version: '1.0.0' },
    {
      capabilities: {
        tools: {},
        resources: { subscribe: true },
        prompts: {},
        logging: {},
        completions: {},
      },
    },
  )
  serveTools(server)
  serveResources(server)
  servePrompts(server)
  server.setRequestHandler(SetLevelRequestSchema, () => ({}))
  return server
}

function serveTools(server: Server): void {
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: tools.map(({ name, description, inputSchema }) => ({
      name,
      description,
      inputSchema: { ...inputSchema, type: 'object' as const },
    })),
  }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const tool = tools.find(({ name }) => name === params.name)
    if (tool === undefined) throw notFound(`tool ${params.name}`)
    return await tool.run(callOf(params.arguments ?? {}, extra))
  })
}

function callOf(args: Record<string, unknown>, extra: Extra): ToolCall {
  return {
    args,
    progressToken: extra._meta?.progressToken,
    notify: (method, params) => extra.sendNotification({ method, params } as ServerNotification),
    ask: (method, params) => extra.sendRequest({ method, params } as ServerRequest, ResultSchema),
    closeStream: () => extra.closeSSEStream?.(),
  }
}

function serveResources(server: Server): void {
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: resources.map(({ read: _read, ...resource }) => resource),
  }))
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => {
    const { read: _read, ...listed } = template
    return { resourceTemplates: [listed] }
  })
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => {
    const contents = readResource(params.uri)
    if (contents === undefined) throw notFound(`resource ${params.uri}`)
    return { contents: [contents] }
  })
  server.setRequestHandler(SubscribeRequestSchema, () => ({}))
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}))
}

function servePrompts(server: Server): void {
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: prompts.map(({ name, description, arguments: args }) => ({
      name,
      description,
      arguments: args.map((argument) => ({ ...argument, required: true })),
    })),
  }))
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    const prompt = prompts.find(({ name }) => name === params.name)
    if (prompt === undefined) throw notFound(`prompt ${params.name}`)
    return { messages: prompt.messages(params.arguments ?? {}) }
  })
  server.setRequestHandler(CompleteRequestSchema, ({ params }) => ({
    completion: completionsFor(params.argument.value),
  }))
}

function notFound(what: string): McpError {
  return new McpError(ErrorCode.InvalidParams, `There is no ${what}`)
}
