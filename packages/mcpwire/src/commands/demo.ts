import type { Command } from 'commander'
import type { CommandContext } from '../program.js'
import { log, print } from '../report.js'
import { exitOnSignal } from '../signals.js'

const NAME = 'mcpwire demo'

/** The packages that only the demo needs, each with a module of it. They are not installed with this package. */
const REQUIRED = new Map([
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
Drives a real server with unmodified clients of both MCP SDKs: directly, through the bridge, and over each protocol
that a bridge listens on.
Needs packages that are not installed with mcpwire:
  ${installCommand([...REQUIRED.keys()])}
Exit code: 0 every response was right, 1 a response was wrong or a package is missing.`,
    )
    .action(async () => {
      context.refuseServer()
      exitOnSignal()
      const program = [process.execPath, ...process.execArgv, process.argv[1] ?? '']
      context.finish(await demo(program))
    })
}

/**
 * Runs the demo and prints the duration of each step. `program` is the command line of this program. Resolves with the
 * exit code.
 */
async function demo(program: readonly string[]): Promise<number> {
  const missing = [...REQUIRED].filter(([, module]) => !isInstalled(module)).map(([name]) => name)
  if (missing.length > 0) {
    log(NAME, `not installed: ${missing.join(', ')}`)
    log(NAME, installCommand(missing))
    return 1
  }
  const { demoTable, runDemo } = await import('../demo/run-demo.js')
  const results = await runDemo(program)
  await print(demoTable(results, process.stdout))
  const failures = results.flatMap(({ name, steps }) => {
    return [...steps].flatMap(([step, { failure }]) => (failure ? [`${name}, ${step}: ${failure}`] : []))
  })
  for (const failure of failures) log(NAME, failure)
  return failures.length === 0 ? 0 : 1
}

/** Installs mcpwire too: a copy that npx has downloaded does not find the packages of a project. */
function installCommand(packages: readonly string[]): string {
  return `npm install mcpwire ${packages.join(' ')}`
}

function isInstalled(module: string): boolean {
  try {
    import.meta.resolve(module)
    return true
  } catch {
    return false
  }
}
