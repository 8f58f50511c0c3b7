import type { HeaderLines } from './http-exchange.js'

/** The headers of an answer and what is added to every answer, each name once: those of the answer itself win. */
export function mergedHeaders(own: HeaderLines, extra: HeaderLines): string[] {
  const lines = [...own]
  for (let at = 0; at + 1 < extra.length; at += 2) {
    const [name = '', value = ''] = [extra[at], extra[at + 1]]
    if (!hasName(own, name)) lines.push(name, value)
  }
  return lines
}

function hasName(lines: HeaderLines, name: string): boolean {
  const wanted = name.toLowerCase()
  for (let at = 0; at < lines.length; at += 2) if (lines[at]?.toLowerCase() === wanted) return true
  return false
}
