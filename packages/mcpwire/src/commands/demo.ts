import type { Command } from 'commander'
import type { CommandContext } from '../command-context.js'
import { print, say } from '../report.js'
import { endOnSignal } from '../signals.js'

const NAME = 'mcpwire demo'

/**
 * What it drives and drives with, by a module of each. Nothing else needs them, so they are not installed with this
 * package, and it says what is missing.
 */
const NEEDED = new Map([
  ['@modelcontextprotocol/client', '@modelcontextprotocol/client'],
  ['@modelcontextprotocol/sdk', '@modelcontextprotocol/sdk/client/index.js'],
  ['@modelcontextprotocol/server-everything', '@modelcontextprotocol/server-everything/package.json'],
])

/** Adds the action of `mcpwire demo`. */
export function define(command: Command, context: CommandContext): void {
  command
    .addHelpText(
      'after',
      `
Drives a real server with unmodified clients of both MCP SDKs: directly, through the bridge, and over each wire
that a bridge listens on.
Needs packages that are not installed with mcpwire:
  npm install ${[...NEEDED.keys()].join(' ')}
Exit code: 0 every answer was right, 1 one was not or a package is missing.`,
    )
    .action(async () => {
      context.refuseServer()
      endOnSignal()
      const program = [process.execPath, ...process.execArgv, process.argv[1] ?? '']
      context.finish(await demo(program))
    })
}

/**
 * Runs the demonstration, `program` being the command line of this program, and prints how long each step took.
 * Resolves with the exit code.
 */
async function demo(program: readonly string[]): Promise<number> {
  const missing = [...NEEDED].filter(([, module]) => !isInstalled(module)).map(([name]) => name)
  if (missing.length > 0) {
    say(NAME, `not installed: ${missing.join(', ')}`)
    say(NAME, `npm install ${missing.join(' ')}`)
    return 1
  }
  const [{ runDemo }, { demoTable }] = await Promise.all([
    import('../demo/run-demo.js'),
    import('../demo/demo-table.js'),
  ])
  const results = await runDemo(program)
  await print(demoTable(results, process.stdout))
  const failures = results.flatMap(({ name, steps }) => {
    return [...steps].flatMap(([step, { failure }]) => (failure ? [`${name}, ${step}: ${failure}`] : []))
  })
  for (const failure of failures) say(NAME, failure)
  return failures.length === 0 ? 0 : 1
}

function isInstalled(module: string): boolean {
  try {
    import.meta.resolve(module)
    return true
  } catch {
    return false
  }
}
