/** The clauses of the contract: id → what it asks. `docs/contract.md` shows the same table. */
export const clauses = {
  C1: 'A transport has one life: `idle`, `starting`, `open`, `closing`, `closed`, never backwards. A second `start()` rejects with `ALREADY_STARTED`, one after the end with `CLOSED`. `peer` is known from `open` on.',
  C2: 'Messages arrive whole and unaltered, in the order in which `send()` was called, on each ordered stream of the medium, whatever encoding lies between. Across HTTP POSTs no order is promised, except that `send()` of a notification resolves only once it was accepted.',
  C3: 'Every `send()` settles. It resolves when the medium took the message and its buffer is below the high-water mark. Before `open` it rejects with `NOT_STARTED`; after the end, and for what is pending at the end, with `CLOSED`; beyond `maxQueuedBytes` with `OVERLOADED`, and then nothing of it was sent.',
  C4: '`onclose` is called exactly once and after the last `onmessage`, for every ending, a failed `start()` and a `close()` before `start()` included. `closed` settles once, with the reason unless the end was orderly.',
  C5: 'A callback that throws or rejects breaks nothing: `onmessage` and `onclose` are reported to `onerror` as `CALLBACK_FAILED`, reading and teardown go on. A throwing `onerror` is ignored.',
  C6: 'Aborting `start()` makes it reject with that very `signal.reason` and leaves no handle and no listener.',
  C7: 'A peer that hangs up during `start()` makes it reject, and the transport does not become `open` afterwards.',
  C8: '`close()` is idempotent, may be called concurrently, never rejects, and returns within `closeTimeoutMs` also where the peer has stopped reading.',
  C9: 'What is held is bounded: undecoded input by `maxMessageBytes` and one chunk, queued output by `maxQueuedBytes`. A message of exactly the limit passes. Limits are checked before buffering.',
  C10: 'Malformed input is reported as `MALFORMED_MESSAGE` and skipped, and nothing valid around it is lost. Ten in a row end the connection, except where the medium carries foreign output, such as that of a child process. An id that is neither a string nor an integer of at most 2^53-1 is malformed, never altered.',
  C11: '`onmessage` never runs inside the call stack of a local `send()` or `start()`.',
  C12: 'Factories open no connection, child or listener. A bad option makes them throw `INVALID_OPTION` synchronously.',
  C13: 'After `closed` no timer, socket, child, file or listener of the transport remains.',
  C14: 'Unknown members of `SendOptions` and `MessageContext` pass through untouched, through layers too; objects of the caller are not changed.',
  C15: 'Ids are opaque and belong to a direction: `0` and `""` are ids, `1` and `"1"` differ, and the same id may be in flight both ways.',
  C16: 'A client transport has no `sessionId` until its peer assigned one, unless it resumes a session.',
  C17: 'Transports are extensible objects whose methods may be reassigned on the instance.',
  C18: 'JSON-RPC batches are accepted where `initialize` negotiated 2025-03-26, in either direction; elsewhere they are malformed.',
} as const

/** Names one clause of the contract. */
export type ClauseId = keyof typeof clauses
