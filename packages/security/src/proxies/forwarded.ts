import { type ForwardedNode, parseForwardedNode } from './forwarded-node.js'

/** What one proxy has reported about its caller. */
export interface ForwardedHop {
  readonly node: ForwardedNode
  readonly host?: string | undefined
  readonly scheme?: string | undefined
}

/** One parameter with its delimiter: the next parameter, the next element or the end (RFC 7239, section 4). */
const PAIR =
  /[ \t]*([!#$%&'*+.^_`|~\da-z-]+)=(?:([!#$%&'*+.^_`|~\da-z-]+)|"((?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*)")[ \t]*(;|,|$)/iy

const NOT_NAMED: ForwardedNode = { address: undefined, port: undefined }

/**
 * The hops in a `Forwarded` header, the first proxy first. `undefined` for a header that breaks the grammar, names a
 * parameter twice in an element, or has more than `maxHops` elements.
 */
export function parseForwarded(header: string, maxHops: number): ForwardedHop[] | undefined {
  const hops: ForwardedHop[] = []
  let element = new Map<string, string>()
  PAIR.lastIndex = 0
  for (;;) {
    const pair = PAIR.exec(header)
    if (!pair) return undefined
    const [, name = '', token, quoted = '', delimiter] = pair
    const key = name.toLowerCase()
    if (element.has(key)) return undefined
    element.set(key, token ?? quoted.replace(/\\(.)/g, '$1'))
    if (delimiter === ';') continue
    const hop = hopOf(element)
    if (!hop || hops.push(hop) > maxHops) return undefined
    if (delimiter === '') return hops
    element = new Map()
  }
}

function hopOf(element: ReadonlyMap<string, string>): ForwardedHop | undefined {
  const text = element.get('for')
  const node = text === undefined ? NOT_NAMED : parseForwardedNode(text)
  return node && { node, host: element.get('host'), scheme: element.get('proto') }
}
