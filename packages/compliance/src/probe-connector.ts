import type { JsonRpcMessage, Peer, SendOptions } from '@mcpwire/core'
import type { Channel, Connector, Sink } from '@mcpwire/core/authoring'

/** A connector that opens nothing and shows everything that reaches it. */
export interface Probe {
  readonly connector: Connector
  readonly sent: { readonly message: JsonRpcMessage; readonly options: SendOptions | undefined }[]
  /** The reasons given to `close`. */
  readonly closes: (Error | undefined)[]
  /** What was set by way of HTTP traits. */
  readonly versions: (string | string[])[]
  readonly flowCalls: string[]
  /** Live, so that copies go stale. */
  sessionId: string | undefined
  bytesSent: number
  /** What `send` answers from now on. */
  answer: () => Promise<void>
  /** What `connect` answers from now on, instead of its channel. */
  refuse: ((signal: AbortSignal) => Promise<Channel>) | undefined
  /** The sink of the channel. */
  sink(): Sink
}

/** The peer every probe has. */
export const probePeer: Peer = Object.freeze({ medium: 'probe', address: 'probe:1', pid: 7 })

/** Makes a probe. */
export function createProbe(): Probe {
  let current: Sink | undefined
  const probe: Probe = {
    sent: [],
    closes: [],
    versions: [],
    flowCalls: [],
    sessionId: undefined,
    bytesSent: 0,
    answer: () => Promise.resolve(),
    refuse: undefined,
    sink: () => {
      if (!current) throw new Error('the layer did not connect')
      return current
    },
    connector: {
      connectsOnce: true,
      process: { stderr: 'probe stderr', pid: 42 },
      connect: async (sink, signal) => {
        if (probe.refuse) return await probe.refuse(signal)
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
      return probe.answer()
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
