import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { request } from './support/messages.js'
import { program } from './support/programs.js'

/** Runs a server with plain `stdioServer()` in a pipeline of a shell: `BEFORE | server AFTER`. */
async function pipeline(
  before: string,
  after: string,
  variables: Readonly<Record<string, string>>,
  options: object = {},
): Promise<{ stdout: string; stderr: string; code: unknown }> {
  const { command, args } = program('server', JSON.stringify(options))
  const server = [command, ...args].map((each) => `'${each}'`).join(' ')
  const child: ChildProcess = spawn('sh', ['-c', `${before} | ${server} ${after}`], {
    env: { ...process.env, ...variables },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
    })
  }
  const [code] = await once(child, 'close')
  return { ...texts, code }
}

function requests(method: string, params: object, count = 3): string {
  return Array.from({ length: count }, (_, id) => JSON.stringify(request(id + 1, method, params))).join('\n')
}

function idsIn(text: string): number[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).id)
    .sort((a, b) => a - b)
}

test.each([
  ['three requests', 'printf "%s\\n" "$INPUT"', requests('slow', { ms: 50 }), [1, 2, 3]],
  ['a last line without a line feed', 'printf %s "$INPUT"', requests('slow', { ms: 50 }), [1, 2, 3]],
  ['one request without a line feed', 'printf %s "$INPUT"', requests('slow', { ms: 50 }, 1), [1]],
  [
    'responses out of order',
    'printf "%s\\n" "$INPUT"',
    `${requests('slow', { ms: 90 }, 1)}\n${JSON.stringify(request(2, 'slow', { ms: 1 }))}`,
    [1, 2],
  ],
  ['no requests', 'printf ""', '', []],
  ['a notification', 'printf "%s\\n" "$INPUT"', '{"jsonrpc":"2.0","method":"notifications/x"}', []],
  [
    'a cancelled request',
    'printf "%s\\n" "$INPUT"',
    `${requests('hang', {}, 1)}\n{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`,
    [],
  ],
  ['a subscription', 'printf "%s\\n" "$INPUT"', requests('subscriptions/listen', {}, 1), []],
] as const)('a server with defaults answers %s of a pipeline', async (_, before, input, ids) => {
  const { stdout, code } = await pipeline(before, '', { INPUT: input })
  expect(idsIn(stdout)).toEqual(ids)
  expect(stdout).not.toContain('error')
  expect(code).toBe(0)
})

test('a response of more than a pipe holds is complete, with a slow reader too', async () => {
  const input = [requests('echo', { text: 'x'.repeat(100_000) }, 1), JSON.stringify(request(2, 'echo'))]
  for (const after of ['| cat', '| (read line; printf "%s\\n" "$line"; cat)']) {
    const { stdout } = await pipeline('printf "%s\\n" "$INPUT"', after, { INPUT: input.join('\n') })
    expect(idsIn(stdout)).toEqual([1, 2])
  }
})

test('a request without a response in time receives an error', async () => {
  const { stdout } = await pipeline(
    'printf "%s\\n" "$INPUT"',
    '',
    { INPUT: requests('hang', {}, 2) },
    { drainMs: 50 },
  )
  expect(idsIn(stdout)).toEqual([1, 2])
  expect(stdout.match(/"code":-31006/g)).toHaveLength(2)
})

test('a server ends as soon as a write fails, while its input is open', async () => {
  const { command, args } = program('server', JSON.stringify({ closeTimeoutMs: 60_000, exitGraceMs: 0 }))
  const child = spawn(command, args)
  onTestFinished(() => void child.kill('SIGKILL'))
  let report = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    report += text
  })
  child.stdin.on('error', () => {})
  child.stdin.write(`${requests('slow', { ms: 1 }, 1)}\n`)
  await once(child.stdout, 'data')
  child.stdout.destroy()
  child.stdin.write(`${requests('slow', { ms: 1 }, 5)}\n`)
  await once(child, 'close')
  expect(report).toContain('reason PEER_LOST')
})
