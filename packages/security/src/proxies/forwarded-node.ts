import { parseAddress } from '../address-ranges.js'

/** The caller of one proxy, as that proxy has reported it. */
export interface ForwardedNode {
  /** The address in normal form. `undefined` for a caller that is not named (RFC 7239, section 6.3). */
  readonly address: string | undefined
  readonly port: number | undefined
}

const MAX_PORT = 65_535

/** Longer than every address with its port. */
const MAX_LENGTH = 128

/** An address, in brackets for IPv6, or the name of a caller that is not named; with or without a port. */
const NODE = /^(?:\[([\da-f.]*:[\da-f:.]*)\]|(\d[\d.]*)|unknown|_[\w.-]+)(?::(?:(\d{1,5})|_[\w.-]+))?$/i

/** The node of a `for` parameter (RFC 7239, section 6). `undefined` for a text that is none. */
export function parseForwardedNode(text: string): ForwardedNode | undefined {
  const match = text.length > MAX_LENGTH ? null : NODE.exec(text)
  if (!match) return undefined
  const [, ipv6, ipv4, digits] = match
  const port = digits === undefined ? undefined : Number(digits)
  if (port !== undefined && port > MAX_PORT) return undefined
  const given = ipv6 ?? ipv4
  if (given === undefined) return { address: undefined, port: undefined }
  const parsed = parseAddress(given)
  return parsed && { address: parsed.toString(), port }
}
