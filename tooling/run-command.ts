import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { repositoryRoot } from './run-as-check.js'

/** The exit code of a command, and its output. */
export interface CommandResult {
  readonly exitCode: number
  readonly output: string
}

/** Runs a command without shell and standard input, also one from the workspace. An exit code other than 0 does not reject. */
export function runCommand(command: string, args: readonly string[], cwd: string): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const PATH = [join(repositoryRoot, 'node_modules/.bin'), process.env['PATH']].join(delimiter)
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const collect = (chunk: Buffer) => {
      output += chunk.toString()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.once('error', reject)
    child.once('close', (code) => resolve({ exitCode: code ?? 1, output }))
  })
}

/** Like `runCommand`, but rejects with the output when the command fails. */
export async function mustRun(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { exitCode, output } = await runCommand(command, args, cwd)
  if (exitCode !== 0) throw new Error(`${command} ${args.join(' ')} failed with ${exitCode}:\n${output}`)
  return output
}
