import type { JsonRpcResponse } from '@mcpwire/core'
import { type ParamHeader, paramHeadersOf } from './param-headers.js'

/** A tool that is removed from a list, and the reason. */
export interface ExcludedTool {
  readonly tool: string
  readonly reason: string
}

/** A list of tools without those that are invalid. */
export interface CheckedTools {
  /** The same object where no tool is removed. */
  readonly response: JsonRpcResponse
  /** The tools that are removed for a new reason. */
  readonly excluded: readonly ExcludedTool[]
}

const NONE: readonly ParamHeader[] = []
const NO_TOOLS: readonly ExcludedTool[] = []

/**
 * The mirrored arguments of tools, by the lists of tools so far. Keeps the newest `maxTools` tools that have any; other
 * tools have none.
 */
export class ToolSchemas {
  readonly #maxTools: number
  readonly #headers = new Map<string, readonly ParamHeader[]>()
  /** The reasons that were reported, by tool. */
  readonly #reported = new Map<string, string>()

  constructor(maxTools: number) {
    this.#maxTools = maxTools
  }

  /** The mirrored arguments of that tool. */
  headersOf(tool: unknown): readonly ParamHeader[] {
    return (typeof tool === 'string' && this.#headers.get(tool)) || NONE
  }

  /** Reads the response to `tools/list`, and removes the tools with invalid annotations. */
  check(response: JsonRpcResponse): CheckedTools {
    if ('error' in response) return { response, excluded: NO_TOOLS }
    const tools = response.result['tools']
    if (!Array.isArray(tools)) return { response, excluded: NO_TOOLS }
    const excluded: ExcludedTool[] = []
    const kept = tools.filter((tool: unknown) => this.#add(tool, excluded))
    if (kept.length === tools.length) return { response, excluded }
    return { response: { ...response, result: { ...response.result, tools: kept } }, excluded }
  }

  /** Returns whether the tool is valid. */
  #add(tool: unknown, excluded: ExcludedTool[]): boolean {
    const { name, inputSchema } = (tool ?? {}) as { name?: unknown; inputSchema?: unknown }
    if (typeof name !== 'string') return true
    const found = paramHeadersOf(inputSchema)
    this.#headers.delete(name)
    if (!found.isValid) {
      if (this.#reported.get(name) !== found.reason) excluded.push({ tool: name, reason: found.reason })
      setNewest(this.#reported, name, found.reason, this.#maxTools)
      return false
    }
    this.#reported.delete(name)
    if (found.headers.length > 0) setNewest(this.#headers, name, found.headers, this.#maxTools)
    return true
  }
}

/** Adds the newest entry, and deletes the oldest over the limit. */
function setNewest<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key)
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= max) return
    map.delete(oldest)
  }
}
