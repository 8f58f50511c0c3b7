import { afterEach, beforeEach, expect, it } from 'vitest'
import { memoryClient, memoryListener, memoryPair, peer, serve } from '../src/index.js'

const unhandled: unknown[] = []
const record = (reason: unknown): void => void unhandled.push(reason)

beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', record)
})

afterEach(() => {
  process.off('unhandledRejection', record)
})

/** Unhandled rejections are reported after the microtasks. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Rejects, although the type of the callback returns no promise. */
const failing = (() => Promise.reject(new Error('on purpose'))) as unknown as () => never

it('reports rejections of transport callbacks', async () => {
  const [near] = memoryPair()
  near.onclose = failing
  near.onerror = failing
  await near.start()
  await near.close({ reason: new Error('over') })
  await turn()

  expect(unhandled).toEqual([])
})

it('reports rejections of listener callbacks and of release()', async () => {
  const listener = memoryListener({ sessionPolicy: { open: () => ({ admit: true, release: failing }) } })
  listener.onclose = failing
  listener.onerror = failing
  await serve(listener, (connection) => connection.start())
  await memoryClient({ listener }).start()
  await listener.close()
  await turn()

  expect(unhandled).toEqual([])
})

it('refuses when a session policy returns a promise and reports its rejection', async () => {
  const errors: Error[] = []
  const listener = memoryListener({ sessionPolicy: { open: failing } })
  listener.onerror = (error) => errors.push(error)
  await serve(listener, (connection) => connection.start())

  await expect(memoryClient({ listener }).start()).rejects.toMatchObject({ code: 'REFUSED' })
  await turn()
  expect(unhandled).toEqual([])
  expect(errors).toMatchObject([{ code: 'CALLBACK_FAILED', details: { slot: 'sessionPolicy.open' } }])
})

it('serves further connections when onerror throws', async () => {
  const listener = memoryListener()
  listener.onerror = () => {
    throw new Error('on purpose')
  }
  await serve(listener, failing)
  await memoryClient({ listener })
    .start()
    .catch(() => {})
  await turn()

  expect(unhandled).toEqual([])
})

it('reports a rejection of onProgress', async () => {
  const [near, far] = memoryPair()
  const errors: Error[] = []
  const client = peer(near, { onError: (error) => errors.push(error) })
  const server = peer(far, {
    requests: {
      work: async (_params, { sendProgress }) => {
        await sendProgress({ progress: 1 })
        return {}
      },
    },
  })
  await Promise.all([client.start(), server.start()])
  await client.request('work', {}, { onProgress: failing })
  await turn()

  expect(unhandled).toEqual([])
  expect(errors).toMatchObject([{ code: 'CALLBACK_FAILED', details: { slot: 'onProgress' } }])
})
