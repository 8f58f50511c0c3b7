import { vi } from 'vitest'
import { main } from '../../src/main.js'

/** Everything that a command line prints. */
export interface Output {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command line that starts no server, in this process. */
export async function outputOf(argv: readonly string[]): Promise<Output> {
  const texts = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((name) => {
    return vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      texts[name] += chunk
      return true
    })
  })
  try {
    const exitCode = await main(argv)
    return { exitCode, ...texts }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
