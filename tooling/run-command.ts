import { spawn } from 'node:child_process'

/** How a command ended, with everything it printed. */
export interface CommandResult {
  readonly exitCode: number
  readonly output: string
}

/** Runs a command without a shell and without stdin. Never rejects for a non-zero exit code. */
export function runCommand(command: string, args: readonly string[], cwd: string): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
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
