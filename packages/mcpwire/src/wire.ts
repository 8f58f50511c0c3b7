import type { Transport } from '@mcpwire/core'
import type { StdioClientOptions } from '@mcpwire/stdio'

/** Options of a transport that is named by its endpoint. Each wire reads those that mean something to it. */
export interface EndpointOptions
  extends Pick<
    StdioClientOptions,
    'cwd' | 'env' | 'inherit' | 'stderr' | 'maxMessageBytes' | 'closeTimeoutMs'
  > {}

/** Where a server is: a URL, or the command that runs it, with its arguments. */
export type Endpoint = string | readonly string[]

/** What a file in `endpoints/` provides. */
export interface Wire {
  /** A transport to the server. Opens nothing; throws `INVALID_OPTION`. */
  connectTo(target: Endpoint, options: EndpointOptions): Transport
}
