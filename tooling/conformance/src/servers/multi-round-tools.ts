import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type InputRequest,
  inputRequired,
  inputResponse,
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { text } from './content.js'
import { stateCodec } from './state-codec.js'

/** The tools and the prompt that need several rounds (SEP-2322). */
export function addMultiRoundTools(server: McpServer): void {
  addSingleQuestions(server)
  addTool(server, 'multiple_inputs', 'Asks three things at once', askThreeThings)
  addTool(server, 'multi_round', 'Asks twice', askTwice)
  addTool(server, 'request_state', 'Remembers through the client', confirmWithState)
  addTool(server, 'tampered_state', 'Refuses a state it did not make', confirmWithState)
  addTool(server, 'capabilities', 'Asks only what the client can answer', askWhatIsDeclared)
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'Asks for a context first' },
    ({ mcpReq: { inputResponses } }) => {
      const given = acceptedContent<{ context: string }>(inputResponses, 'user_context')
      return given === undefined
        ? inputRequired({ inputRequests: { user_context: question('Which context?', 'context') } })
        : {
            messages: [
              { role: 'user', content: { type: 'text', text: `In the context of ${given.context}` } },
            ],
          }
    },
  )
}

type Answer = ReturnType<typeof inputRequired> | ReturnType<typeof done>

function addTool(
  server: McpServer,
  name: string,
  description: string,
  run: (request: ServerContext['mcpReq']) => Answer | Promise<Answer>,
): void {
  server.registerTool(`test_input_required_result_${name}`, { description }, ({ mcpReq }) => run(mcpReq))
}

function addSingleQuestions(server: McpServer): void {
  addTool(server, 'elicitation', 'Asks for a name', ({ inputResponses }) => {
    const given = acceptedContent<{ name: string }>(inputResponses, 'user_name')
    return given === undefined
      ? inputRequired({ inputRequests: { user_name: question('What is your name?', 'name') } })
      : done(`Hello, ${given.name}!`)
  })
  addTool(server, 'sampling', 'Asks the model', ({ inputResponses }) => {
    const given = inputResponse(inputResponses, 'capital_question')
    return given.kind === 'sampling'
      ? done(JSON.stringify(given.result.content))
      : inputRequired({ inputRequests: { capital_question: sampling('What is the capital of France?') } })
  })
  addTool(server, 'list_roots', 'Asks for the roots', ({ inputResponses }) => {
    const given = inputResponse(inputResponses, 'client_roots')
    return given.kind === 'roots'
      ? done(given.roots.map(({ uri }) => uri).join(' '))
      : inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } })
  })
}

async function askThreeThings({ inputResponses }: ServerContext['mcpReq']): Promise<Answer> {
  const inputRequests = {
    user_name: question('What is your name?', 'name'),
    greeting: sampling('Generate a greeting'),
    client_roots: inputRequired.listRoots(),
  }
  const isComplete = Object.keys(inputRequests).every((key) => inputResponses?.[key] !== undefined)
  return isComplete
    ? done('All three answered')
    : inputRequired({ inputRequests, requestState: await stateFor('multiple_inputs', 1) })
}

async function askTwice(request: ServerContext['mcpReq']): Promise<Answer> {
  const round = request.requestState<{ round: number }>()?.round ?? 0
  if (round === 0) {
    const step1 = question('Step 1: What is your name?', 'name')
    return inputRequired({ inputRequests: { step1 }, requestState: await stateFor('multi_round', 1) })
  }
  if (round === 1) {
    const step2 = question('Step 2: What is your favorite color?', 'color')
    return inputRequired({ inputRequests: { step2 }, requestState: await stateFor('multi_round', 2) })
  }
  return done('Both steps answered')
}

async function confirmWithState(request: ServerContext['mcpReq']): Promise<Answer> {
  if (acceptedContent(request.inputResponses, 'confirm') === undefined) {
    const confirm = inputRequired.elicit({
      message: 'Please confirm',
      requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
    })
    return inputRequired({ inputRequests: { confirm }, requestState: await stateFor('confirm', 1) })
  }
  if (request.requestState() === undefined) {
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The state is missing')
  }
  return done('state-ok')
}

function askWhatIsDeclared({ envelope, inputResponses }: ServerContext['mcpReq']): Answer {
  if (inputResponses !== undefined) return done('answered')
  const declared = capabilitiesIn(envelope)
  const inputRequests: Record<string, InputRequest> = {
    ...(declared.sampling && { greeting: sampling('Generate a greeting') }),
    ...(declared.elicitation && { user_name: question('What is your name?', 'name') }),
    ...(declared.roots && { client_roots: inputRequired.listRoots() }),
  }
  return Object.keys(inputRequests).length === 0 ? done('nothing to ask') : inputRequired({ inputRequests })
}

/** The SDK hands the envelope on as it came, without a type for its keys. */
function capabilitiesIn(envelope: object | undefined): ClientCapabilities {
  return (envelope as Record<string, ClientCapabilities> | undefined)?.[CLIENT_CAPABILITIES_META_KEY] ?? {}
}

function stateFor(tool: string, round: number): Promise<string> {
  return stateCodec.mint({ tool, round })
}

function question(message: string, property: string): InputRequest {
  return inputRequired.elicit({
    message,
    requestedSchema: {
      type: 'object',
      properties: { [property]: { type: 'string' } },
      required: [property],
    },
  })
}

function sampling(value: string): InputRequest {
  return inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: value } }],
    maxTokens: 100,
  })
}

function done(value: string) {
  return { content: [text(value)] }
}
