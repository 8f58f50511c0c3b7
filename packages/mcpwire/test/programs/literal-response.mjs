/**
 * The bytes that a server without an SDK responds with. A request for `literal` names them in its params: `$ID` stands
 * for its id, `$FILL` for `fill` characters, and `\u007f` for a byte that is not UTF-8.
 */
export function literalResponse(line) {
  const { id, method, params = {} } = JSON.parse(line)
  if (id === undefined || method === undefined) return undefined
  if (method !== 'literal')
    return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method, params) }))
  const text = params.text
    .replaceAll('$ID', JSON.stringify(id))
    .replaceAll('$FILL', 'x'.repeat(params.fill ?? 0))
  return Buffer.from(text).map((byte) => (byte === 0x7f ? 0xff : byte))
}

function resultOf(method, { protocolVersion }) {
  if (method !== 'initialize') return {}
  return { protocolVersion, capabilities: {}, serverInfo: { name: 'literal', version: '1.0.0' } }
}
