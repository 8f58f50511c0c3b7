import type { JsonRpcResponse } from '@mcpwire/core'
import { type ParamHeader, paramHeadersOf } from './param-headers.js'

/** A tool that is left out of a list, and why. */
export interface ExcludedTool {
  readonly tool: string
  readonly reason: string
}

/** A list of tools as it may be passed on. */
export interface CheckedTools {
  /** The same object where no tool is left out. */
  readonly response: JsonRpcResponse
  /** The tools left out for a reason that was not told before. */
  readonly excluded: readonly ExcludedTool[]
}

const NONE: readonly ParamHeader[] = []
const NOBODY: readonly ExcludedTool[] = []

/**
 * Remembers which arguments of which tools travel in headers, from the lists of tools that pass. Keeps the newest
 * `maxTools` that have such; of a tool it never saw, or saw too long ago, it knows none.
 */
export class ToolSchemas {
  readonly #maxTools: number
  readonly #headers = new Map<string, readonly ParamHeader[]>()
  /** The reasons that were told, by tool. */
  readonly #told = new Map<string, string>()

  constructor(maxTools: number) {
    this.#maxTools = maxTools
  }

  /** The arguments of that tool that travel in headers. */
  headersOf(tool: unknown): readonly ParamHeader[] {
    return (typeof tool === 'string' && this.#headers.get(tool)) || NONE
  }

  /** Learns from the answer to `tools/list`, and leaves out the tools whose annotations are invalid. */
  check(response: JsonRpcResponse): CheckedTools {
    if ('error' in response) return { response, excluded: NOBODY }
    const tools = response.result['tools']
    if (!Array.isArray(tools)) return { response, excluded: NOBODY }
    const excluded: ExcludedTool[] = []
    const kept = tools.filter((tool: unknown) => this.#learn(tool, excluded))
    if (kept.length === tools.length) return { response, excluded }
    return { response: { ...response, result: { ...response.result, tools: kept } }, excluded }
  }

  /** Whether the tool may be passed on. */
  #learn(tool: unknown, excluded: ExcludedTool[]): boolean {
    const { name, inputSchema } = (tool ?? {}) as { name?: unknown; inputSchema?: unknown }
    if (typeof name !== 'string') return true
    const found = paramHeadersOf(inputSchema)
    this.#headers.delete(name)
    if (!found.isValid) {
      if (this.#told.get(name) !== found.reason) excluded.push({ tool: name, reason: found.reason })
      remember(this.#told, name, found.reason, this.#maxTools)
      return false
    }
    this.#told.delete(name)
    if (found.headers.length > 0) remember(this.#headers, name, found.headers, this.#maxTools)
    return true
  }
}

/** Notes it as the newest, and forgets the oldest where there are too many. */
function remember<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key)
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= max) return
    map.delete(oldest)
  }
}
