import { Client } from '@modelcontextprotocol/client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { httpClient } from '../src/index.js'
import { engineKinds } from './support/engine-kinds.js'
import { initializedClient, json, resultFor, scriptedServer } from './support/scripted-server.js'

const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 's', version: '1' } }

/** A server that sends these headers with the response to `initialize`. */
function naming(...ids: string[]) {
  return scriptedServer(({ message, response }) => {
    if (!message || !('id' in message) || !('method' in message) || message.method !== 'initialize')
      return false
    response.setHeader('mcp-session-id', ids)
    json(response, resultFor(message.id as number, result))
    return true
  })
}

describe.each(engineKinds)('the session id over $name', (kind) => {
  const options = { ...kind.chosenBy, ...kind.plain(), standaloneStream: false }

  test.each<[string, string[], string | undefined]>([
    ['one', ['abc'], 'abc'],
    ['two equal ones', ['abc', 'abc'], 'abc'],
    ['three equal ones', ['abc', 'abc', 'abc'], 'abc'],
    [
      'all visible characters',
      ['!"#$%&\'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~'],
      '!"#$%&\'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~',
    ],
    ['a comma', ['a,b'], 'a,b'],
    ['an empty one', [''], undefined],
  ])('is sent back where there is %s', async (_what, ids, expected) => {
    const server = await naming(...ids)
    const client = await initializedClient(server, options)
    expect(server.of('POST').at(-1)?.headers['mcp-session-id']).toBe(expected)
    expect(client.errors).toEqual([])
  })

  test.each<[string, string[]]>([
    ['two different ones', ['abc', 'def']],
    ['a space', ['a b']],
    ['a tab', ['a\tb']],
    ['a letter beyond ASCII', ['caf\u00e9']],
    ['a repeated one with another between', ['abc', 'x', 'abc']],
  ])('is refused by name where there is %s', async (_what, ids) => {
    const server = await naming(...ids)
    const transport = httpClient({ url: server.url, ...options })
    onTestFinished(() => transport.close())
    const connecting = new Client({ name: 'c', version: '1' }).connect(transport)
    await expect(connecting).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('Mcp-Session-Id'),
    })
    expect(transport.sessionId).toBeUndefined()
    expect(server.of('DELETE')).toEqual([])
  })
})
