/** Texts that are no JSON-RPC message. None has a line feed. */
export const malformedTexts: readonly string[] = [
  'hello',
  '{',
  '{"jsonrpc":"2.0","method":"test/note"',
  '{"jsonrpc":"2.0","method":"test/note"}}',
  '{"jsonrpc":"2.0","method":"a"}{"jsonrpc":"2.0","method":"b"}',
  "{'jsonrpc':'2.0','method':'test/note'}",
  'null',
  'true',
  '0',
  '"text"',
  '{}',
  '[]',
  '{"method":"test/note"}',
  '{"jsonrpc":"1.0","method":"test/note"}',
  '{"jsonrpc":2,"method":"test/note"}',
  '{"jsonrpc":"2.0"}',
  '{"jsonrpc":"2.0","id":1}',
  '{"jsonrpc":"2.0","method":7}',
  '{"jsonrpc":"2.0","method":null,"id":1}',
  '{"jsonrpc":"2.0","method":"test/note","params":"text"}',
  '{"jsonrpc":"2.0","method":"test/note","params":null}',
  '{"jsonrpc":"2.0","id":1,"result":"text"}',
  '{"jsonrpc":"2.0","id":1,"result":null}',
  '{"jsonrpc":"2.0","result":{}}',
  '{"jsonrpc":"2.0","id":1,"error":"text"}',
  '{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"text"}}',
  '{"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":"text"}}',
  '{"jsonrpc":"2.0","id":1,"error":{"code":1}}',
  '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"text"}}',
  '{"jsonrpc":"2.0","id":1,"method":"test/ask","result":{}}',
  '{"__proto__":{"jsonrpc":"2.0","method":"test/note"}}',
  `"${'x'.repeat(500)}"`,
  `${'['.repeat(200)}${']'.repeat(200)}`,
]

/** Requests and responses whose id is neither a string nor an integer that JSON carries without loss. */
export const malformedIds: readonly string[] = [
  '9007199254740992',
  '-9007199254740992',
  '9007199254740993',
  '1.5',
  '1e400',
  'null',
  'true',
  '{}',
  '["1"]',
].flatMap((id) => [
  `{"jsonrpc":"2.0","id":${id},"method":"test/ask"}`,
  `{"jsonrpc":"2.0","id":${id},"result":{}}`,
])

/** Malformed responses to the request with this id. */
export const malformedResponses: readonly ((id: number) => string)[] = [
  (id) => `{"jsonrpc":"2.0","id":${id},"result":null}`,
  (id) => `{"jsonrpc":"2.0","id":${id},"result":"text"}`,
  (id) => `{"jsonrpc":"2.0","id":${id},"result":[]}`,
  (id) => `{"jsonrpc":"2.0","id":${id},"error":"no"}`,
  (id) => `{"jsonrpc":"2.0","id":${id},"error":null}`,
  (id) => `{"jsonrpc":"2.0","id":${id},"error":{"code":"1","message":"text"}}`,
  (id) => `{"jsonrpc":"2.0","id":${id},"error":{"message":"text"}}`,
  (id) => `{"jsonrpc":"2.0","id":${id},"result":{},"error":{"code":1,"message":"text"}}`,
  (id) => `{"jsonrpc":"2.0","id":${id}}`,
  (id) => `{"id":${id},"result":{}}`,
  (id) => `{"jsonrpc":"1.0","id":${id},"result":{}}`,
  (id) => `{"jsonrpc":"2.0","id":${id},"result":{"x":NaN}}`,
  (id) => `{"jsonrpc":"2.0","id":${id},"result":{"x":[`,
]

/** Malformed requests, with the id of their error response. */
export const malformedRequests: readonly (readonly [text: string, id: string | number | null])[] = [
  ['{"id":5,"method":"test/ask"}', 5],
  ['{"jsonrpc":"1.0","id":5,"method":"test/ask"}', 5],
  ['{"jsonrpc":"2.0","id":"a","method":7}', 'a'],
  ['{"jsonrpc":"2.0","id":5,"method":"test/ask","params":[]}', 5],
  ['{"jsonrpc":"2.0","id":1.5,"method":"test/ask"}', null],
  ['{"jsonrpc":"2.0","id":null,"method":"test/ask"}', null],
  ['{"jsonrpc":"2.0","id":5,"method":"test/ask","params":{"x":NaN}}', 5],
]
