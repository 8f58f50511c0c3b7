/** The clauses of the contract by their ids. `docs/contract.md` shows the same table. */
export const clauses = {
  C1: 'A transport passes through `idle`, `starting`, `open`, `closing` and `closed` once, never backwards. A second `start()` rejects with `ALREADY_STARTED`. A `start()` after the end rejects with `CLOSED`. `peer` is set from `open` on.',
  C2: 'Messages arrive complete and unchanged. On each ordered stream of the medium they arrive in the order of the `send()` calls, with any encoding. HTTP POSTs have no common order. Over HTTP, `send()` of a notification resolves only after the server accepted it.',
  C3: 'Every `send()` settles, in every phase: opening, sending and closing have a deadline. It resolves when the medium accepted the message and its buffer is below the high-water mark. While the peer does not read, it is pending at most until the end. It rejects with `NOT_STARTED` before `open`, and `start()` rejects if the peer does not answer in time. It rejects with `CLOSED` after the end, also if it was pending at the end. It rejects with `OVERLOADED` beyond `maxQueuedBytes`, and then no part of the message was sent.',
  C4: '`onclose` is called exactly once and after the last `onmessage`, for every kind of end. This includes a failed `start()` and a `close()` before `start()`. `closed` settles once, with the reason unless the end was orderly.',
  C5: 'A callback that throws or rejects breaks nothing. Errors of `onmessage` and `onclose` are reported to `onerror` as `CALLBACK_FAILED`, while reading and teardown go on. A throwing `onerror` is ignored.',
  C6: 'If the signal of `start()` aborts, `start()` rejects with `signal.reason`. No handle and no event listener remain.',
  C7: 'If the peer disconnects during `start()`, `start()` rejects, and the transport does not become `open` later.',
  C8: '`close()` is idempotent, may be called concurrently and never rejects. It returns within `closeTimeoutMs`, also if the peer has stopped reading.',
  C9: 'Memory is bounded: `maxMessageBytes` and one chunk limit undecoded input, and `maxQueuedBytes` limits queued output. A message of exactly the limit passes. Limits are checked before buffering. `maxTotalBytes` limits the total that all connections of a listener hold. At this limit, the connection that holds the most without progress ends with `OVERLOADED`, and the others go on.',
  C10: 'Malformed input is reported as `MALFORMED_MESSAGE` and skipped, and no valid message around it is lost. Reports are limited: the first of each kind, then one with the count at each power of ten. A malformed message with the id of a pending request settles that request at once, with a JSON-RPC error. A malformed request is answered with the error -32600 or -32700. The error has the id of the request, or `null` if the id is not certain. Ten malformed messages in a row end the connection, unless the medium also carries stray output, such as that of a child process. Over a socket, input that does not start with `{` or `[` ends the connection at once. An id is a string or an integer of at most 2^53-1. Any other id is malformed. Ids are never altered, apart from C15.',
  C11: '`onmessage` never runs inside the call stack of a local `send()` or `start()`.',
  C12: 'Factories open no connection, child process or listener. An invalid option makes them throw `INVALID_OPTION` synchronously.',
  C13: 'After `closed`, no timer, socket, child process, file or listener of the transport remains.',
  C14: 'Unknown members of `SendOptions` and `MessageContext` pass through unchanged, through layers too. Objects of the application are not modified.',
  C15: 'Ids are opaque and belong to one direction: `0` and `""` are ids, `1` and `"1"` differ, and the same id may be in flight in both directions. A response whose id is the decimal text of a pending integer id is delivered with that integer, unless the text is a pending id itself. This is reported once.',
  C16: 'A client transport has no `sessionId` until its peer assigned one, unless it resumes a session.',
  C17: 'Transports are extensible objects whose methods may be reassigned on the instance.',
  C18: 'JSON-RPC batches are accepted if `initialize` negotiated 2025-03-26, in either direction. Any other batch is malformed and is answered with one error -32600. A batch of responses is not answered.',
  C19: 'One connection cannot keep others from being served. Between the large messages and within a long burst of one connection, the others are served. Requests of several callers to one upstream are taken in turn.',
} as const

/** Names one clause of the contract. */
export type ClauseId = keyof typeof clauses

/** Ends a case that the subject is exempt from. The message is the reason. */
export class Exempt extends Error {
  override readonly name = 'Exempt'
}
