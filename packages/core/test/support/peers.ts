import {
  type IncomingCall,
  type JsonRpcPeer,
  memoryPair,
  type PeerOptions,
  peer,
  type Transport,
} from '../../src/index.js'

export async function pairOfPeers(
  near: PeerOptions = {},
  far: PeerOptions = {},
): Promise<{ near: JsonRpcPeer; far: JsonRpcPeer; ends: [Transport, Transport] }> {
  const ends = memoryPair()
  const peers = { near: peer(ends[0], near), far: peer(ends[1], far), ends }
  await Promise.all([peers.near.start(), peers.far.start()])
  return peers
}

/** A handler that never responds, with its calls. */
export function hanging(): {
  handler: (params: unknown, call: IncomingCall) => Promise<never>
  calls: IncomingCall[]
} {
  const calls: IncomingCall[] = []
  return {
    calls,
    handler: (_, call) => {
      calls.push(call)
      return new Promise(() => {})
    },
  }
}
