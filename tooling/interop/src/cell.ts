/** One cell of the matrix: a client and a server that speak over one wire. */
export interface Cell {
  /** The row: the other SDK or runtime. */
  readonly peer: string
  /** The column group: which end is the peer's, or both with a bridge between. */
  readonly direction:
    | 'peer client'
    | 'peer server'
    | 'peer client through the bridge'
    | 'peer server behind the bridge'
  /** The wire, and how it is used, as in `http, JSON responses`. */
  readonly wire: string
  /** The SDK line of our own end. Cells with a bridge use the second one only. */
  readonly sdk?: SdkLine | undefined
  readonly client: Command
  readonly server: Command
  /**
   * `mcpwire` arguments of the bridge between both, after `bridge`. `{server}` stands for the URL or the command of the
   * server, `{socket}` for the path of a new Unix socket.
   */
  readonly bridge?: readonly string[]
  /** A fault of the peer that the cell shows, with its evidence. The cell is expected to fail then. */
  readonly peerFault?: string
}

/** The lines of the official TypeScript SDK. */
export type SdkLine = 'v1' | 'v2'

/** The name of a cell within its peer. */
export function nameOf({ direction, wire, sdk }: Cell): string {
  return `${direction} | ${wire}${sdk === undefined ? '' : `, SDK ${sdk}`}`
}

/** A command line, and the environment variables to add. */
export interface Command {
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** The outcome of a cell. */
export interface Outcome {
  readonly cell: Cell
  readonly status: 'ok' | 'peer fault' | 'failed'
  /** The protocol revision that the client reports. */
  readonly protocol?: string
  /** Why it failed: the check and its error, or the last lines of the programs. */
  readonly reason?: string
  readonly milliseconds: number
}
