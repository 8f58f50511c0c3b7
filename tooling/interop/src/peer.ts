import type { Command } from './cell.js'

/** The end of a peer on one wire. */
export interface PeerEnd {
  /** The wire, and how it is used, as in `http, JSON responses`. */
  readonly label: string
  readonly wire: Wire
  /** Options of our own end that match, such as `--mode json`. */
  readonly ours?: readonly string[]
  /** Options of the peer's program. */
  readonly args?: readonly string[]
  /** Checks that this end cannot do, because the SDK or the revision has no such feature. */
  readonly skip?: readonly string[]
  /** A fault of the peer, with its evidence. The cell is expected to fail then. */
  readonly peerFault?: string
}

/** The wires of the matrix. */
type Wire = 'stdio' | 'http' | 'http-sse' | 'ws' | 'tcp' | 'unix'

/** An SDK or a runtime that is run against our transports. */
export interface Peer {
  /** The name for `--only`. */
  readonly id: string
  /** The name and the version, as in `Python, mcp 2.3.0`. */
  readonly label: string
  /**
   * Installs the peer into a folder of its own. Returns its program, whose command line is that of `ours/program.ts`.
   * Throws `MissingPeerError` where it cannot be installed.
   */
  readonly install: (folder: string) => Command
  /** What to know about it: checks left out because the peer fails them by chance, with the evidence. */
  readonly notes?: readonly string[]
  /** What its client can connect to. */
  readonly clients: readonly PeerEnd[]
  /** What its server can serve. */
  readonly servers: readonly PeerEnd[]
}

/** Why a peer cannot be installed on this machine. */
export class MissingPeerError extends Error {}
