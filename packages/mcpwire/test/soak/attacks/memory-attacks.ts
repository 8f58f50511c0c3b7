// Attacks on memory: unfinished input, waiting messages and unread output.
import { openSession, post, postText, postUnread } from '../support/raw-http.js'
import { drained, nextMessage, openSocket, openStream, type RawStream } from '../support/raw-streams.js'
import { callText, type Target } from '../support/targets.js'
import { ATTACKER, type Attack, type AttackProgress, atRate, count, stay } from './attack.js'

const TEXT_BYTES = 10_000_000
const POSTS = 400
const SESSIONS = 3
/** Together 100 MB/s. A server that accepts all of them then has time for others. */
const POSTS_PER_SECOND = 10
/** A message of 1 MiB of brackets takes about 40 ms of processor time, wherever it is parsed. */
const BRACKETS_PER_SECOND = 6

/** Stops the own child process behind a bridge, and sends it calls of 10 MB of text. */
export const stoppedChild: Attack = (target, progress) => {
  const text = `"${'x'.repeat(TEXT_BYTES)}"`
  return floodStopped(target, progress, POSTS_PER_SECOND, () => text)
}

/** The same with as many bytes of brackets as a message may have, whose values take ten times the memory of their text. */
export const brackets: Attack = (target, progress) => {
  const bytes = target.maxMessageBytes - 1_000
  const empty = `[${'[],'.repeat(Math.floor(bytes / 3) - 2)}[]]`
  const nested = '['.repeat(Math.floor(bytes / 2)) + ']'.repeat(Math.floor(bytes / 2))
  const texts = [empty, empty, empty, nested]
  return floodStopped(target, progress, BRACKETS_PER_SECOND, (at) => texts[at % texts.length] as string)
}

async function floodStopped(
  target: Target,
  progress: AttackProgress,
  perSecond: number,
  extra: (at: number) => string,
): Promise<void> {
  const tool = target.isBridge ? 'echo' : 'hang'
  const text = (at: number): string => callText(target.era, tool, {}, extra(at))
  if (target.wire === 'http') {
    const sessionIds: (string | undefined)[] = []
    for (let at = 0; at < SESSIONS; at++) {
      const sessionId = target.era === 'session' ? await openSession(target, ATTACKER) : undefined
      // In 2026-07-28 there is one process, which is stopped after the first response.
      if (at === 0 || target.era === 'session') {
        const pid = await post(target, ATTACKER, callText(target.era, 'pid'), { sessionId })
        stopChild(target, progress, pid.text)
      }
      sessionIds.push(sessionId)
    }
    await atRate(perSecond, POSTS, async (at) => {
      count(progress, 'posts')
      const { status } = await post(target, ATTACKER, text(at), { sessionId: sessionIds[at % SESSIONS] })
      count(progress, `status ${status}`)
    })
  } else {
    const streams: RawStream[] = []
    for (let at = 0; at < SESSIONS; at++) {
      const stream = await openStream(target, ATTACKER)
      const answer = nextMessage(stream)
      stream.send(callText(target.era, 'pid'))
      stopChild(target, progress, await answer)
      stream.socket.once('close', () => count(progress, 'closed'))
      streams.push(stream)
    }
    await atRate(perSecond, POSTS, async (at) => {
      const stream = streams[at % streams.length]
      if (!stream || stream.socket.destroyed) return
      await stream.drained()
      count(progress, 'messages')
      stream.send(text(at))
    })
  }
  await stay()
}

/** A bridge shares one child process among all callers of 2026-07-28 over HTTP: the others then wait, too. */
function stopChild(target: Target, progress: AttackProgress, text: string): void {
  const pid = Number(/"text":"(\d+)"/.exec(text)?.[1])
  if (!target.isBridge || !(pid > 0)) return
  process.kill(pid, 'SIGSTOP')
  progress.stopped.push(pid)
  process.send?.({ progress })
}

const UNFINISHED = 500
const UNFINISHED_PART = 1_048_576
/** Together about 150 MB/s. */
const PARTS_PER_SECOND = 150

/** 500 callers, each with a message of nearly the limit that lacks its end. */
export const unfinished: Attack = async (target, progress) => {
  const length = target.maxMessageBytes - 1_000
  const part = 'x'.repeat(Math.min(UNFINISHED_PART, length - 1_000))
  const head = callText(target.era, 'echo', { text: '' }).slice(0, 60)
  const connections: {
    write(text: string): void
    isClosed(): boolean
    drained(): Promise<void>
    sent: number
  }[] = []
  await atRate(
    // A bridge starts a process for each connection that it admits, except over HTTP.
    target.isBridge ? 60 : 200,
    UNFINISHED,
    async () => {
      // The connection is not initialized: that would start a process for each behind a bridge.
      const caller = { ...target, era: 'modern' } as const
      const stream = target.wire === 'http' ? undefined : await openStream(caller, ATTACKER)
      const socket = stream?.socket ?? (await openSocket(target))
      socket.once('close', () => count(progress, 'closed'))
      if (stream) stream.sendStart(head, length)
      else socket.write(postText(target, ATTACKER, head, undefined, length))
      count(progress, 'connections')
      connections.push({
        write: (text) => void socket.write(text),
        isClosed: () => socket.destroyed,
        drained: () => drained(socket),
        sent: head.length,
      })
    },
    32,
  )
  await atRate(
    PARTS_PER_SECOND,
    connections.length * 9,
    async (at) => {
      const connection = connections[at % connections.length]
      if (!connection || connection.isClosed() || connection.sent + part.length >= length) return
      connection.sent += part.length
      count(progress, 'megabytes')
      connection.write(part)
      await connection.drained()
    },
    600,
  )
  await stay()
}

const ANSWERS = 60
/** A library server writes each as JSON itself. */
const ANSWERS_PER_SECOND = 7
const ANSWER_BYTES = 9_000_000

/** 60 calls whose responses have 9 MB, and are never read: in one session, then in a second one. */
export const unread: Attack = async (target, progress) => {
  for (let session = 0; session < 2; session++) {
    if (target.wire === 'http') {
      const sessionId = target.era === 'session' ? await openSession(target, ATTACKER) : undefined
      await atRate(ANSWERS_PER_SECOND, ANSWERS, async () => {
        const text = callText(target.era, 'big', { bytes: ANSWER_BYTES })
        const socket = await postUnread(target, ATTACKER, text, sessionId)
        socket.once('close', () => count(progress, 'closed'))
        count(progress, 'calls')
      })
    } else {
      const stream = await openStream(target, ATTACKER)
      stream.socket.pause()
      stream.socket.once('close', () => count(progress, 'closed'))
      await atRate(ANSWERS_PER_SECOND, ANSWERS, async () => {
        stream.send(callText(target.era, 'big', { bytes: ANSWER_BYTES }))
        count(progress, 'calls')
      })
    }
  }
  await stay()
}
