import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cell, Command, Outcome } from './cell.js'
import type { Ours } from './plan.js'
import { type Program, start } from './processes.js'

/** How long the programs of a cell may take. */
export interface Timeouts {
  readonly serverStartMs: number
  readonly clientMs: number
}

const TIMEOUTS: Timeouts = { serverStartMs: 60_000, clientMs: 90_000 }

/** Runs one cell. Never rejects. */
export async function runCell(cell: Cell, ours: Ours, timeouts: Timeouts = TIMEOUTS): Promise<Outcome> {
  const begun = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'mcpwire-interop-'))
  const programs: Program[] = []
  try {
    const result = await resultOf(cell, ours, timeouts, folder, programs)
    const milliseconds = Math.round(performance.now() - begun)
    if (result.ok && cell.peerFault === undefined)
      return { cell, status: 'ok', milliseconds, ...(result.protocol && { protocol: result.protocol }) }
    const reason = result.ok ? 'it works: remove its peer fault' : result.error
    return {
      cell,
      status: cell.peerFault === undefined || result.ok ? 'failed' : 'peer fault',
      reason,
      milliseconds,
    }
  } catch (error) {
    const output = programs.map(({ lastLines }) => lastLines()).filter((lines) => lines !== '')
    const reason = [(error as Error).message, ...output].join('\n')
    const status = cell.peerFault === undefined ? 'failed' : 'peer fault'
    return { cell, status, reason, milliseconds: Math.round(performance.now() - begun) }
  } finally {
    await Promise.all(programs.map(({ stop }) => stop()))
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What a client program prints. */
interface ClientResult {
  readonly ok: boolean
  readonly protocol?: string
  readonly error: string
}

async function resultOf(
  cell: Cell,
  ours: Ours,
  timeouts: Timeouts,
  folder: string,
  programs: Program[],
): Promise<ClientResult> {
  const begin = (command: Command): Program => {
    const program = start(command)
    programs.push(program)
    return program
  }
  const listening = async (command: Command): Promise<readonly string[]> => {
    const path = join(folder, 'socket')
    const argv = command.argv.includes('unix') ? [...command.argv, '--path', path] : command.argv
    return [await begin({ ...command, argv }).listening(timeouts.serverStartMs)]
  }
  const isStdio = (command: Command): boolean => command.argv.includes('stdio')
  let target = isStdio(cell.server) ? cell.server.argv : await listening(cell.server)
  if (cell.bridge) {
    const socket = join(folder, 'bridge')
    const args = cell.bridge.flatMap((arg) =>
      arg === '{server}' ? target : [arg.replace('{socket}', socket)],
    )
    const bridge = { ...ours.mcpwire, argv: [...ours.mcpwire.argv, 'bridge', ...args] }
    target = cell.bridge.includes('--listen') ? await listening(bridge) : bridge.argv
  }
  const argv = cell.client.argv.flatMap((arg) => (arg === '{target}' ? target : [arg]))
  const env = { ...cell.server.env, ...cell.client.env }
  const client = begin({ argv, env })
  const { line, code } = await client.finished(timeouts.clientMs)
  const result = JSON.parse(line) as ClientResult
  if (result.ok && code !== 0) throw new Error(`the client reported success with exit code ${code}`)
  return result
}
