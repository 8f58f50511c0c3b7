import type { JsonRpcMessage, Peer, SendOptions } from '@mcpwire/core'
import type { Channel, Connector, Sink } from '@mcpwire/core/authoring'

/** A connector that opens nothing and records every call. */
export interface Probe {
  readonly connector: Connector
  readonly sent: { readonly message: JsonRpcMessage; readonly options: SendOptions | undefined }[]
  /** The reasons passed to `close`. */
  readonly closes: (Error | undefined)[]
  /** The versions set through HTTP traits. */
  readonly versions: (string | string[])[]
  readonly flowCalls: string[]
  /** Read on access, so that copies become stale. */
  sessionId: string | undefined
  bytesSent: number
  /** The result of each further `send`. */
  sendResult: () => Promise<void>
  /** The result of each further `connect`, instead of a channel. */
  connectResult: ((signal: AbortSignal) => Promise<Channel>) | undefined
  /** The sink of the channel. */
  sink(): Sink
}

/** The peer of every probe. */
export const probePeer: Peer = Object.freeze({ medium: 'probe', address: 'probe:1', pid: 7 })

/** Creates a probe. */
export function createProbe(): Probe {
  let current: Sink | undefined
  const probe: Probe = {
    sent: [],
    closes: [],
    versions: [],
    flowCalls: [],
    sessionId: undefined,
    bytesSent: 0,
    sendResult: () => Promise.resolve(),
    connectResult: undefined,
    sink: () => {
      if (!current) throw new Error('the layer did not connect')
      return current
    },
    connector: {
      connectsOnce: true,
      process: { stderr: 'probe stderr', pid: 42 },
      connect: async (sink, signal) => {
        if (probe.connectResult) return await probe.connectResult(signal)
        current = sink
        return channelOf(probe)
      },
    },
  }
  return probe
}

function channelOf(probe: Probe): Channel {
  return {
    peer: probePeer,
    send: (message, options) => {
      probe.sent.push({ message, options })
      return probe.sendResult()
    },
    close: async (reason) => {
      probe.closes.push(reason)
    },
    flow: {
      pause: () => void probe.flowCalls.push('pause'),
      resume: () => void probe.flowCalls.push('resume'),
    },
    http: {
      get sessionId() {
        return probe.sessionId
      },
      get hasPerRequestStream() {
        return probe.sessionId === 'modern'
      },
      setProtocolVersion: (version) => void probe.versions.push(version),
      setSupportedProtocolVersions: (versions) => void probe.versions.push(versions),
    },
    traffic: {
      get bytesSent() {
        return probe.bytesSent
      },
      bytesReceived: 0,
    },
  }
}
