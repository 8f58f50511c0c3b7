/** What a client does in a cell of the matrix. Every peer program does the same in its own language. */
export interface ExchangeClient {
  readonly protocol: string | undefined
  toolNames(): Promise<string[]>
  /** The text of the tool's result. `isError` marks a result that reports a failure. */
  call(
    tool: string,
    args: Record<string, unknown>,
    onProgress?: (progress: number) => void,
  ): Promise<ToolText>
  close(): Promise<void>
}

/** The text that a tool returned. */
export interface ToolText {
  readonly text: string
  readonly isError: boolean
}

/** The checks, in order. The report names the first that fails. */
const checkNames = ['tools', 'echo', 'large', 'parallel', 'error', 'progress', 'sample', 'close'] as const
type CheckName = (typeof checkNames)[number]

/** Other scripts, a character beyond the basic plane, controls, and a separator that some parsers take for a line end. */
const UNUSUAL_TEXT = 'naïve 漢字 🦀 "quoted" \\ \u2028 tab\tline\nend'
const LARGE_LENGTH = 200_000
const PARALLEL_CALLS = 20
const STEPS = 3

/** Runs the checks, except those named in `skip`. Throws with the name of the check that failed. */
export async function exchange(client: ExchangeClient, skip: readonly string[]): Promise<void> {
  const checks: Record<CheckName, () => Promise<void>> = {
    tools: async () => {
      const missing = ['echo', 'fail', 'progress'].filter((name) => !names.includes(name))
      same('missing tools', missing, [])
    },
    echo: async () => same('echo', await echo(client, UNUSUAL_TEXT), UNUSUAL_TEXT),
    large: async () => same('length', (await echo(client, 'x'.repeat(LARGE_LENGTH))).length, LARGE_LENGTH),
    parallel: async () => {
      const texts = Array.from({ length: PARALLEL_CALLS }, (_, index) => `call ${index}`)
      same('texts', await Promise.all(texts.map((text) => echo(client, text))), texts)
    },
    error: async () => same('isError', (await client.call('fail', {})).isError, true),
    progress: async () => {
      const received: number[] = []
      const { text } = await client.call('progress', { steps: STEPS }, (progress) => received.push(progress))
      same('result', text, 'done')
      // The SDKs drop progress that they handle after the response.
      same('progress', received, [1, 2, 3].slice(0, Math.max(received.length, 1)))
    },
    sample: async () => same('sampled', (await client.call('sample', {})).text, 'sampled: blue'),
    close: () => client.close(),
  }
  const names = await client.toolNames()
  for (const name of checkNames) {
    if (skip.includes(name)) continue
    try {
      await checks[name]()
    } catch (cause) {
      throw new Error(`${name}: ${(cause as Error).message}`, { cause })
    }
  }
}

async function echo(client: ExchangeClient, message: string): Promise<string> {
  return (await client.call('echo', { message })).text
}

function same(what: string, actual: unknown, wanted: unknown): void {
  const [actualText, wantedText] = [JSON.stringify(actual), JSON.stringify(wanted)]
  if (actualText !== wantedText)
    throw new Error(`${what}: ${actualText?.slice(0, 200)} instead of ${wantedText?.slice(0, 200)}`)
}
