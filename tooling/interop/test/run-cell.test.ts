import { expect, test } from 'vitest'
import type { Cell } from '../src/cell.js'
import { runCell } from '../src/run-cell.js'

const timeouts = { serverStartMs: 20_000, clientMs: 20_000 }
const LISTEN = 'console.log("listening tcp://127.0.0.1:1"); setInterval(() => {}, 1000)'
const SUCCEED = 'console.log(JSON.stringify({ ok: true, protocol: "2026-07-28" }))'

test('reports the revision of a client that succeeds', async () => {
  expect(await runCell(cellOf(SUCCEED), ours())).toMatchObject({ status: 'ok', protocol: '2026-07-28' })
})

test('passes the URL of the server to the client', async () => {
  const client = 'console.log(JSON.stringify({ ok: process.argv[1] === "tcp://127.0.0.1:1" }))'

  expect(await runCell(cellOf(client), ours())).toMatchObject({ status: 'ok' })
})

test.each([
  [
    'finds a wrong result',
    'console.log(JSON.stringify({ ok: false, error: "echo: a instead of b" }))',
    'echo: a instead of b',
  ],
  ['prints no result', 'console.log("all is well")', 'printed no result'],
  ['prints a broken result', 'console.log(\'{"ok":true\')', 'JSON'],
  ['crashes before its result', 'throw new Error("no such tool")', 'no such tool'],
  ['reports success and then crashes', `${SUCCEED}; process.exitCode = 3`, 'exit code 3'],
  ['is killed', 'process.kill(process.pid, "SIGKILL")', 'printed no result'],
])('fails for a client that %s', async (_, client, reason) => {
  const outcome = await runCell(cellOf(client), ours(), timeouts)

  expect(outcome.status).toBe('failed')
  expect(outcome.reason).toContain(reason)
})

test('fails for a client that does not end', async () => {
  const outcome = await runCell(cellOf('setInterval(() => {}, 1000)'), ours(), { ...timeouts, clientMs: 500 })

  expect(outcome).toMatchObject({ status: 'failed' })
  expect(outcome.reason).toContain('did not end within 500 ms')
})

test.each([
  ['crashes', 'console.error("port in use"); process.exit(1)', 'port in use'],
  ['ends at once', '', 'ended before it listened'],
])('fails for a server that %s', async (_, server, reason) => {
  const outcome = await runCell(cellOf(SUCCEED, server), ours(), timeouts)

  expect(outcome.status).toBe('failed')
  expect(outcome.reason).toContain(reason)
})

test('fails for a server that does not listen', async () => {
  const silent = 'setInterval(() => {}, 1000)'

  const outcome = await runCell(cellOf(SUCCEED, silent), ours(), { ...timeouts, serverStartMs: 500 })

  expect(outcome.reason).toContain('did not listen within 500 ms')
})

test('fails for a program that does not exist', async () => {
  const outcome = await runCell(
    { ...cellOf(SUCCEED), client: { argv: ['/no/such/program'] } },
    ours(),
    timeouts,
  )

  expect(outcome).toMatchObject({ status: 'failed' })
  expect(outcome.reason).toContain('ENOENT')
})

test('expects the failure of a cell with a known fault', async () => {
  const cell = {
    ...cellOf('console.log(JSON.stringify({ ok: false, error: "known" }))'),
    peerFault: 'It lies.',
  }

  expect(await runCell(cell, ours(), timeouts)).toMatchObject({ status: 'peer fault', reason: 'known' })
})

test('fails when a cell with a known fault succeeds', async () => {
  const cell = { ...cellOf(SUCCEED), peerFault: 'It lies.' }

  expect(await runCell(cell, ours(), timeouts)).toMatchObject({ status: 'failed' })
})

test('starts the bridge between client and server', async () => {
  const client = 'console.log(JSON.stringify({ ok: process.argv[1] === "tcp://127.0.0.1:2" }))'
  const bridge = `if (process.argv[2] !== "tcp://127.0.0.1:1") process.exit(1); ${LISTEN.replace(':1"', ':2"')}`
  const cell = { ...cellOf(client), bridge: ['{server}', '--listen'] }

  expect(await runCell(cell, ours(bridge), timeouts)).toMatchObject({ status: 'ok' })
})

function cellOf(client: string, server = LISTEN): Cell {
  return {
    peer: 'fake',
    direction: 'peer client',
    wire: 'tcp',
    client: { argv: [...node(client), '{target}'] },
    server: { argv: node(server) },
  }
}

function ours(bridge = '') {
  return { program: { argv: [] }, mcpwire: { argv: node(bridge) } }
}

function node(script: string): string[] {
  return [process.execPath, '-e', script]
}
