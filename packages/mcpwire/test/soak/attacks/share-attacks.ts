// Attacks on what callers share: sessions, sockets, file descriptors and processor time.
import { openSession, post, postText } from '../support/raw-http.js'
import { openSocket, openStream } from '../support/raw-streams.js'
import { callText, notificationText, requestText } from '../support/targets.js'
import { ATTACKER, type Attack, atRate, count, stay } from './attack.js'

const SESSIONS = 1_000
/** A bridge starts a process for each, which takes about 70 ms of processor time. */
const BRIDGED_PER_SECOND = 4

/** Opens 1 000 sessions of one principal, and uses none. */
export const sessions: Attack = async (target, progress) => {
  await atRate(
    target.isBridge ? BRIDGED_PER_SECOND : 200,
    SESSIONS,
    async () => {
      try {
        if (target.wire === 'http') await openSession({ ...target, era: 'session' }, ATTACKER)
        else {
          const stream = await openStream(target, ATTACKER)
          stream.socket.once('close', () => count(progress, 'closed'))
        }
        count(progress, 'opened')
      } catch {
        count(progress, 'refused')
      }
    },
    16,
  )
  await stay()
}

const SOCKETS = 800
const PINGS_PER_SOCKET = 16
/** All sockets together send 3 200 pings a second. */
const BURSTS_PER_SECOND = 200

/** 800 sockets, each with 16 pings at once. */
export const pings: Attack = async (target, progress) => {
  const isHttp = target.wire === 'http'
  const sessionId = isHttp && target.era === 'session' ? await openSession(target, ATTACKER) : undefined
  const ping = (): string => {
    // A ping does not exist in 2026-07-28.
    if (target.era === 'modern') return callText(target.era, 'echo')
    return requestText(target.era, 'ping')
  }
  const burst = (): string =>
    Array.from({ length: PINGS_PER_SOCKET }, () => postText(target, ATTACKER, ping(), sessionId)).join('')
  const writers: (() => void)[] = []
  await atRate(
    target.isBridge && !isHttp ? BRIDGED_PER_SECOND : 400,
    SOCKETS,
    async () => {
      try {
        const stream = isHttp ? undefined : await openStream(target, ATTACKER)
        const socket = stream?.socket ?? (await openSocket(target))
        if (isHttp) socket.resume()
        socket.once('close', () => count(progress, 'closed'))
        count(progress, 'sockets')
        writers.push(() => {
          if (socket.destroyed || socket.writableNeedDrain) return
          count(progress, 'pings', PINGS_PER_SOCKET)
          if (stream) for (let at = 0; at < PINGS_PER_SOCKET; at++) stream.send(ping())
          else socket.write(burst())
        })
      } catch {
        count(progress, 'refused')
      }
    },
    16,
  ).catch(() => {})
  await atRate(BURSTS_PER_SECOND, Infinity, async (at) => writers[at % writers.length]?.())
}

const NOTIFICATION_BYTES = 200_000
/** Together 30 MB/s. */
const NOTIFICATIONS_PER_SECOND = 150

/** One caller with a flood of notifications of 200 kB. */
export const notifications: Attack = async (target, progress) => {
  const text = notificationText(target.era, NOTIFICATION_BYTES)
  if (target.wire === 'http') {
    const sessionId = target.era === 'session' ? await openSession(target, ATTACKER) : undefined
    const send = async (): Promise<void> => {
      count(progress, 'posts')
      const { status } = await post(target, ATTACKER, text, { sessionId })
      count(progress, `status ${status}`)
    }
    await atRate(NOTIFICATIONS_PER_SECOND, Infinity, send, 64)
  }
  const stream = await openStream(target, ATTACKER)
  stream.socket.once('close', () => count(progress, 'closed'))
  await atRate(
    NOTIFICATIONS_PER_SECOND,
    Infinity,
    async () => {
      await stream.drained()
      if (stream.socket.destroyed) return
      count(progress, 'notifications')
      stream.send(text)
    },
    64,
  )
}

const FILES = 400
/** Over tcp and unix, a bridge starts a process for each that it admits. */
const REOPENED_PER_SECOND = 20

/** 400 sockets towards a server that may open 256 files, opened again when they are closed. */
export const files: Attack = async (target, progress) => {
  let open = 0
  const openOne = async (): Promise<void> => {
    if (open >= FILES) return
    const socket = await openSocket(target)
    open++
    count(progress, 'connected')
    // Input is read to notice the end.
    socket.resume()
    socket.once('close', () => {
      open--
      count(progress, 'closed')
    })
  }
  await atRate(target.isBridge && target.wire !== 'http' ? REOPENED_PER_SECOND : FILES, FILES, openOne)
  await atRate(REOPENED_PER_SECOND, Infinity, openOne)
}
