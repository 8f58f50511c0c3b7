import { type Gate, type Handshake, localOnly, type Refusal } from '@mcpwire/core'

/** The gates for all that is not of this host. Without a gate, it is refused. */
export interface ForeignGates {
  /** Decides about clients on other hosts. */
  readonly remotes: Gate | undefined
  /** Decides about other hosts in `Host`. */
  readonly hosts: Gate | undefined
  /** Decides about pages of other origins. */
  readonly origins: Gate | undefined
}

/**
 * Admits requests from this host, with a `Host` and an `Origin` of this host or of the listener. The gates decide about
 * others. Any other page would connect through the browser of its reader (MCP, Transports: Security Warning). Programs send no origin.
 * `address` is the address of the listener.
 *
 * @example
 * ```ts
 * const hosts = hostIn(['mcp.example'])
 * const gate = webGate({ hosts, remotes: undefined, origins: undefined }, () => listener.address)
 * ```
 */
export function webGate({ remotes, hosts, origins }: ForeignGates, address: () => string | undefined): Gate {
  const local = localOnly()
  return {
    async admit({ medium, scheme, remote, host, headers: { origin } }, signal) {
      const refusalOf = async (part: Partial<Handshake>, other: Gate | undefined) => {
        const handshake = { medium, remote: {}, headers: {}, ...(scheme && { scheme }), ...part }
        const verdict = await local.admit(handshake, signal)
        const final = verdict.admit || !other ? verdict : await other.admit(handshake, signal)
        return final.admit ? undefined : final
      }
      const ofRemote = await refusalOf({ remote }, remotes)
      if (ofRemote) return withFlag(ofRemote, '--listen')
      const ofHost = host === undefined ? undefined : await refusalOf({ host }, hosts)
      if (ofHost) return withFlag(ofHost, '--allow-host')
      if (origin === undefined || origin === originAt(address())) return { admit: true }
      const ofOrigin = await refusalOf({ headers: { origin } }, origins)
      return ofOrigin ? withFlag(ofOrigin, '--allow-origin') : { admit: true }
    },
  }
}

/** The text of `localOnly()` for users of the library. */
const LIBRARY_ADVICE = /: localOnly\(\).*$/

/** The refusal with the flag that changes it: behind a proxy the operator reads it at the client. */
function withFlag(refusal: Refusal, flag: string): Refusal {
  return {
    ...refusal,
    reason: `${refusal.reason.replace(LIBRARY_ADVICE, '')}; see ${flag} of mcpwire bridge`,
  }
}

/** The origin of the pages at that address. */
function originAt(address: string | undefined): string | undefined {
  return address !== undefined && URL.canParse(address)
    ? new URL(address.replace(/^ws/, 'http')).origin
    : undefined
}
