// A server without an SDK, for behaviour that no SDK server has. Its first argument selects the behaviour.

const mode = process.argv[2] ?? 'legacy'
const write = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)

if (mode === 'noisy') process.stdout.write('Welcome! This is no message.\n')
if (mode === 'stubborn') {
  process.on('SIGTERM', () => {})
  // A limit, in case the test fails to kill it.
  setTimeout(() => process.exit(1), 60_000)
}

const handlers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion: mode === 'futuristic' ? '2999-01-01' : protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'raw', version: '1.2.3' },
  }),
  ping: () => ({}),
  'tools/list': ({ cursor }) => {
    if (mode === 'endless') return { tools: [{ name: 'more' }], nextCursor: 'more' }
    const tool = (name) => ({ name, inputSchema: { type: 'object' } })
    return cursor === undefined ? { tools: [tool('one')], nextCursor: 'rest' } : { tools: [tool('two')] }
  },
  echo: (params) => params,
  facts: () => ({ pid: process.pid, cwd: process.cwd(), env: process.env }),
  big: ({ bytes }) => ({ text: 'x'.repeat(bytes) }),
}

/** Requests that wait for `notifications/release`. */
const held = []

/** Not readline: in later versions of Node it also splits lines at U+2028. */
let rest = ''
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (rest + chunk).split('\n')
  rest = lines.pop()
  for (const line of lines) handle(line)
})

function handle(line) {
  const { id, method, params = {} } = JSON.parse(line)
  if (method === 'hold') held.push(id)
  if (method === 'notifications/release') for (const each of held.splice(0)) write({ id: each, result: {} })
  if (id === undefined || method === 'hang' || method === 'hold') return
  if (method === 'die') {
    process.stderr.write('first line\nlast line\n', () => process.exit(3))
    return
  }
  if (mode === 'sensitive' && method === 'server/discover') process.exit(1)
  if (mode === 'silent' && method === 'server/discover') return
  if (mode === 'modern-only' || mode === 'too-new') {
    modern(id, method, params)
    return
  }
  const handler = handlers[method]
  if (handler) write({ id, result: handler(params) })
  else write({ id, error: { code: -32601, message: 'Method not found' } })
}

function modern(id, method, params) {
  const supported = mode === 'too-new' ? ['2999-01-01'] : ['2026-07-28']
  const version = params._meta?.['io.modelcontextprotocol/protocolVersion']
  if (!supported.includes(version)) {
    write({ id, error: { code: -32022, message: 'Unsupported', data: { supported, requested: version } } })
  } else if (method === 'server/discover') {
    const _meta = { 'io.modelcontextprotocol/serverInfo': { name: 'raw', version: '1.2.3' } }
    write({ id, result: { resultType: 'complete', supportedVersions: supported, capabilities: {}, _meta } })
  } else write({ id, error: { code: -32601, message: 'Method not found' } })
}
