import { type Layer, meter, tap } from '@mcpwire/core'
import { describeLayer } from '../src/index.js'

const identity: Layer = (next) => next

const spread: Layer = (next) => ({
  ...next,
  connect: async (sink, signal) => ({ ...(await next.connect({ ...sink }, signal)) }),
})

describeLayer('the identity', { layer: () => identity, around: ['near', 'far'] })
describeLayer('two layers', { layer: () => (next) => spread(spread(next)) })
describeLayer('tap', {
  layer: () => tap({ onOpen: look, onSend: look, onReceive: look, onError: look, onClose: look }),
  around: ['near', 'far'],
})
describeLayer('meter', { layer: () => meter().layer, around: ['near', 'far'] })
describeLayer('meter under tap', {
  layer: () => (next) => tap({ onSend: look, onReceive: look })(meter().layer(next)),
})

function look(): void {}
