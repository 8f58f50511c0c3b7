import { randomBytes } from 'node:crypto'
import { createRequestStateCodec } from '@modelcontextprotocol/server'

/** Seals what a multi-round tool has to remember. One key per process: every round comes back to the same one. */
export const stateCodec = createRequestStateCodec<{ tool: string; round: number }>({ key: randomBytes(32) })
