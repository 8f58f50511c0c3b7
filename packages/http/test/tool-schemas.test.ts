import type { JsonRpcResponse } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { ToolSchemas } from '../src/headers/tool-schemas.js'

describe('the schemas of tools', () => {
  const list = (...tools: unknown[]): JsonRpcResponse => ({
    jsonrpc: '2.0',
    id: 1,
    result: { tools, nextCursor: 'n' },
  })
  const tool = (name: string, header: unknown = 'Region') => ({
    name,
    inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': header } } },
  })
  const bare = (name: string) => ({ name, inputSchema: { type: 'object' } })

  test('name the mirrored arguments of a tool, by the newest list [HDR-C-13]', () => {
    const schemas = new ToolSchemas(10)
    expect(schemas.headersOf('deploy')).toEqual([])
    schemas.check(list(tool('deploy')))
    expect(schemas.headersOf('deploy')).toMatchObject([{ header: 'mcp-param-region' }])
    schemas.check(list(tool('deploy', 'Zone'), bare('other')))
    expect(schemas.headersOf('deploy')).toMatchObject([{ header: 'mcp-param-zone' }])
    schemas.check(list(bare('deploy')))
    expect(schemas.headersOf('deploy')).toEqual([])
    expect(schemas.headersOf(undefined)).toEqual([])
  })

  test('exclude a tool with an invalid annotation, and report the reason once [HDR-C-09, HDR-C-10]', () => {
    const schemas = new ToolSchemas(10)
    schemas.check(list(tool('bad')))
    const first = schemas.check(list(bare('a'), tool('bad', ''), bare('b')))
    expect(first.response).toEqual(list(bare('a'), bare('b')))
    expect(first.excluded).toEqual([{ tool: 'bad', reason: expect.stringContaining('region') }])
    expect(schemas.headersOf('bad')).toEqual([])
    const again = schemas.check(list(tool('bad', '')))
    expect(again.response).toEqual(list())
    expect(again.excluded).toEqual([])
    const other = { name: 'bad', inputSchema: { 'x-mcp-header': 'A' } }
    expect(schemas.check(list(other)).excluded).toHaveLength(1)
  })

  test('leave other responses unchanged', () => {
    const schemas = new ToolSchemas(10)
    const responses: JsonRpcResponse[] = [
      { jsonrpc: '2.0', id: 1, error: { code: -1, message: 'no' } },
      { jsonrpc: '2.0', id: 1, result: { tools: 'none' } },
      list(null, 7, {}, { name: 1 }),
      list(bare('a'), tool('deploy')),
    ]
    for (const response of responses) expect(schemas.check(response).response).toBe(response)
  })

  test('keep the newest maxTools tools', () => {
    const schemas = new ToolSchemas(2)
    const counts = (...names: string[]): Record<string, number> =>
      Object.fromEntries(names.map((name) => [name, schemas.headersOf(name).length]))
    schemas.check(list(tool('a'), tool('b'), tool('c')))
    expect(counts('a', 'b', 'c')).toEqual({ a: 0, b: 1, c: 1 })
    schemas.check(list(tool('b')))
    schemas.check(list(tool('d')))
    expect(counts('b', 'c', 'd')).toEqual({ b: 1, c: 0, d: 1 })
  })
})
