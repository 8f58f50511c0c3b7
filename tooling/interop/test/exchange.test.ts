import { expect, test } from 'vitest'
import { type ExchangeClient, exchange } from '../src/ours/exchange.js'

const honest: ExchangeClient = {
  protocol: '2025-11-25',
  toolNames: async () => ['echo', 'fail', 'progress', 'sample'],
  call: async (tool, args, onProgress) => {
    for (let step = 1; step <= Number(args['steps'] ?? 0); step++) onProgress?.(step)
    const texts: Record<string, string> = { fail: 'it failed', progress: 'done', sample: 'sampled: blue' }
    return { text: texts[tool] ?? String(args['message']), isError: tool === 'fail' }
  },
  close: async () => {},
}

test('passes for a server that does everything', async () => {
  await expect(exchange(honest, [])).resolves.toBeUndefined()
})

test.each<[string, Partial<ExchangeClient>]>([
  ['tools', { toolNames: async () => ['echo'] }],
  ['echo', { call: changed('echo', (text) => text.normalize('NFD')) }],
  ['large', { call: changed('echo', (text) => text.slice(0, 65_536)) }],
  ['parallel', { call: changed('echo', (text) => (text.startsWith('call') ? 'call 0' : text)) }],
  ['error', { call: async (...args) => ({ ...(await honest.call(...args)), isError: false }) }],
  [
    'progress',
    {
      call: (tool, args) =>
        honest.call(tool, args).then((result) => ({ ...result, text: result.text.replace('done', '') })),
    },
  ],
  [
    'progress',
    { call: (tool, args, onProgress) => honest.call(tool, args, (step) => onProgress?.(4 - step)) },
  ],
  ['sample', { call: changed('sample', () => 'sampled: red') }],
  ['close', { close: () => Promise.reject(new Error('reset')) }],
])('names the check %s that a peer fails', async (check, fault) => {
  await expect(exchange({ ...honest, ...fault }, [])).rejects.toThrow(`${check}: `)
})

test('leaves out the checks to skip', async () => {
  await expect(
    exchange({ ...honest, call: changed('sample', () => '') }, ['sample']),
  ).resolves.toBeUndefined()
})

function changed(name: string, change: (text: string) => string): ExchangeClient['call'] {
  return async (tool, args, onProgress) => {
    const result = await honest.call(tool, args, onProgress)
    return tool === name ? { ...result, text: change(result.text) } : result
  }
}
