/** Where a text stands. `docs` are Markdown files, `identifier` covers names of files too. */
export type TextKind = 'docs' | 'comment' | 'message' | 'title' | 'identifier'

/** A word or phrase that this project does not use, and what it uses instead. */
export interface BannedPhrase {
  readonly pattern: RegExp
  readonly instead: string
  /** Where it is banned. Without it, everywhere but in identifiers. */
  readonly kinds?: readonly TextKind[]
}

const CODE: readonly TextKind[] = ['comment', 'message', 'title']
const PROSE: readonly TextKind[] = ['docs', ...CODE]
const ALL: readonly TextKind[] = [...PROSE, 'identifier']

/** A phrase as a pattern: whole words in any case, a space for any white space. */
function phrase(source: string, instead: string, kinds: readonly TextKind[] = PROSE): BannedPhrase {
  return { pattern: new RegExp(`\\b(?:${source.replaceAll(' ', '\\s+')})\\b`, 'gi'), instead, kinds }
}

/** Pictures. Each has a term of the field. */
const pictures: readonly BannedPhrase[] = [
  phrase('patien(?:t|ce|tly)', 'grace period, deadline or timeout', ALL),
  phrase('doors?|doorways?|doorkeepers?', 'acceptor, listener or admission', ALL),
  phrase('lobby|lobbies', 'pending sockets', ALL),
  phrase('ushers?|ushered', 'upgrader', ALL),
  phrase('receptions?|receptionists?', 'session registry', ALL),
  phrase('farewells?', 'close reason', ALL),
  phrase('turnstiles?', 'deferred promise', ALL),
  phrase('departures?', 'response batch', ALL),
  phrase('last words', 'remaining output', PROSE),
  phrase('hangs? about', 'stay open', PROSE),
  phrase('beats?|beating', 'keep-alive or tick', PROSE),
  phrase('(?<!stray )noise', 'stray output', CODE),
  phrase('winds? down|winding down|wound down', 'shut down', PROSE),
  phrase('lapse[sd]?|lapsing', 'expire', ALL),
  phrase('rooms?', 'capacity or space', CODE),
]

/** The subject of a sentence about code is a thing. */
const persons: readonly BannedPhrase[] = [
  phrase('nobody|no one', 'nothing, or the name of the part', ALL),
  phrase('somebody|anybody|everybody', 'the name of the part, or "a client"', ALL),
  phrase('someone|anyone|everyone', 'the name of the part, or "a client"', CODE),
  phrase('who(?:m?(?:so)?ever)', 'the name of the part', PROSE),
  phrase(
    '(?<!\\b(?:users?|people|persons?|authors?|operators?|developers?|maintainers?|readers?|engineers?|newcomers?|reviewers?|those|anyone|everyone),? )whom?(?! knows)',
    'that or which, or the name of the part',
    CODE,
  ),
  phrase('those who|the one who|he who', 'the name of the part', PROSE),
  phrase('hears?|heard|hearing', 'receives', ALL),
  phrase('told|tells?|telling', 'receives, is called with or reports', [...CODE, 'identifier']),
  phrase('(?:is|are|was|were|be|been|being) told', 'receives, or is called with', ['docs']),
  phrase('say|says|said|saying', 'reports, states or contains', CODE),
  // One message states that a server no longer knows a session.
  phrase('(?<!no longer )knows|knew|(?<!well-)knowing', 'has, stores or tracks', CODE),
  phrase('forgets|forgot', 'removes, discards or omits', ALL),
  phrase('forget|forgotten|forgetting', 'remove, discard or omit', [...CODE, 'identifier']),
  phrase('remembers?|remembered', 'stores', CODE),
  phrase('(?:believe|think|wishe|hope|wonder)s', 'assumes or expects', CODE),
  phrase('complain(?:s|ed|ing|ts?)?', 'report', CODE),
  phrase('it wants', 'it requires', CODE),
  phrase('(?:of|on) (?:its|their|his) own account', 'by itself', PROSE),
]

/** Turns of phrase that a reader has to read twice. */
const turns: readonly BannedPhrase[] = [
  phrase('lest', 'so that … not', PROSE),
  phrase('heed(?:s|ed|ing|less)?', 'follow, read or apply', ALL),
  phrase('of (?:no |some |any )?use', 'useful, or failed', PROSE),
  phrase('make[s]? (?:no|any) sense', 'is invalid', PROSE),
  phrase('let(?:s|ting)? go of', 'release', PROSE),
  phrase('(?:is|are|was|were) there(?! (?:an?|any|no|more|something)\\b)', 'exists', CODE),
  phrase('in words', 'as text', PROSE),
  phrase('not? any ?more', 'no longer', CODE),
  phrase('(?:an|the|its|each|every|no|one|whose|such an) answer(?! to this)', 'response', CODE),
  phrase('the answers|its answers|all answers|of answers', 'responses', CODE),
  phrase('for ever', 'without limit', CODE),
  phrase('of old|whence|thence|hither|thither|whither', 'a plain word', PROSE),
  {
    pattern: /(?<=^|[.!] )What (?!if\b)[^.?!]*(?:[.!]|$)/g,
    instead: 'a noun as the subject',
    kinds: ['comment', 'message'],
  },
]

/** Parts of sentences that were replaced, with the sentences that replace them. */
const sentences: readonly BannedPhrase[] = [
  phrase('would wait for', 'send queue for A is full: N bytes exceed maxQueuedBytes (M)'),
  phrase('must be left out where', 'option "x" requires …'),
  phrase('attempts in a row', 'gave up after N failed attempts'),
  phrase('(?:is|are) not kept(?! open)', 'is unknown or has expired'),
  phrase('has a duration that is none', 'returned an invalid lifetimeMs or idleTimeoutMs'),
  phrase('not sent to any', 'message dropped: WHY'),
  phrase('is it running, and', 'check that the server is running and that the port is correct'),
  phrase('is the path right', 'check the path in option "url"'),
  phrase('take the credential', 'the credential was rejected'),
  phrase('await callers', 'listen for connections'),
]

/** Adjectives that claim without a fact. */
const praise: readonly BannedPhrase[] = [
  'battle-tested',
  'best-in-class',
  'blazing(?:ly)?',
  'bulletproof',
  'cutting-edge',
  'effortless(?:ly)?',
  'enterprise(?:-grade)?',
  'game-changing',
  'lightning-fast',
  'military-grade',
  'next-generation',
  'powerful',
  'production-ready',
  'revolutionary',
  'rock-solid',
  'seamless(?:ly)?',
  'state-of-the-art',
  'unparalleled',
  'world-class',
].map((word) => phrase(word, 'a fact', PROSE))

/** Everything that this project does not write, and what it writes instead. */
export const vocabulary: readonly BannedPhrase[] = [
  ...pictures,
  ...persons,
  ...turns,
  ...sentences,
  ...praise,
]
