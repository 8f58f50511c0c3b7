import { isRequest } from '@mcpwire/core'
import { json, type Script, type ScriptedRequest } from './scripted-server.js'

/** Sessions that can be expired. */
export interface ExpiringSessions {
  /** Expires the current session. */
  expire(): void
  readonly script: Script
}

/** A server with numbered sessions, which can be expired. */
export function expiringSessions(
  onInitialize: (request: ScriptedRequest, nth: number) => boolean = () => false,
): ExpiringSessions {
  let started = 0
  let known: string | undefined
  return {
    expire: () => {
      known = undefined
    },
    script: (request) => {
      const { message, response, headers } = request
      if (message && isRequest(message) && message.method === 'initialize') {
        if (onInitialize(request, started)) return true
        known = `session-${++started}`
        const result = {
          protocolVersion: '2025-11-25',
          capabilities: {},
          serverInfo: { name: 's', version: '1' },
        }
        json(response, { jsonrpc: '2.0', id: message.id, result }, { 'mcp-session-id': known })
        return true
      }
      if (headers['mcp-session-id'] === known || request.method === 'DELETE') return false
      response.writeHead(404).end()
      return true
    },
  }
}
