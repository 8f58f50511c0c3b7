import type { TransportLike } from '@mcpwire/core'
import { bareEventClient, listenBareEvents } from '../floors/bare-event-stream.js'
import { withHandshake } from '../harness/handshake.js'
import { ourHttp, sdkHttp } from '../harness/http.js'
import { type Pushed, pushDriver, pushed, pushOn } from '../harness/push.js'
import type { Contestant, Suite } from '../harness/suite.js'

/** Notifications of a server on the stream that a GET opens. */
export const suite: Suite<Pushed> = {
  name: 'sse-stream',
  question: 'What do notifications cost that a server sends over one stream of events?',
  reference: 'bare-stream',
  measureMs: 1_200,
  slices: 8,
  loads: [pushed()],
  contestants: [
    contestant('bare-stream', 'floor: each event written by itself', bareEventClient, listenBareEvents),
    ...[...sdkHttp, ourHttp].map(({ id, label, client, serve }) =>
      contestant(
        id,
        label,
        (url) => withHandshake(client(url)),
        (accept) => serve(accept, 'sse'),
      ),
    ),
  ],
}

function contestant(
  id: string,
  label: string,
  client: (url: string) => TransportLike,
  serve: (accept: (wire: TransportLike) => Promise<void>) => Promise<string>,
): Contestant<Pushed> {
  return {
    id,
    label,
    open: async ({ address }) => await pushDriver(client(address)),
    server: { startedBy: 'harness', serve: () => serve(pushOn) },
  }
}
