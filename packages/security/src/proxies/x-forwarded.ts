import type { Handshake } from '@mcpwire/core'
import { headerOf } from '../handshake-headers.js'
import { type ForwardedNode, parseForwardedNode } from './forwarded-node.js'

/** The callers in an `X-Forwarded-For` header, the first proxy first. `undefined` for a malformed or longer one. */
export function parseForwardedFor(header: string, maxHops: number): ForwardedNode[] | undefined {
  const texts = header.split(',', maxHops + 1)
  if (texts.length > maxHops) return undefined
  const nodes: ForwardedNode[] = []
  for (const text of texts) {
    const node = parseNode(trimmed(text))
    if (!node) return undefined
    nodes.push(node)
  }
  return nodes
}

/** The value of a header that the last proxy has set: others before it may come from the client. */
export function lastValueOf(handshake: Handshake, name: string): string | undefined {
  const header = headerOf(handshake, name)
  return header === undefined ? undefined : trimmed(header.slice(header.lastIndexOf(',') + 1))
}

/** Unlike `Forwarded`, this header usually has IPv6 addresses without brackets. */
function parseNode(text: string): ForwardedNode | undefined {
  return /^[\da-f.]*:[\da-f.]*:[\da-f:.]*$/i.test(text)
    ? parseForwardedNode(`[${text}]`)
    : parseForwardedNode(text)
}

/** Without the optional white space of a list (RFC 9110, section 5.6.1). */
function trimmed(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}
