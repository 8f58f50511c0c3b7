import { randomBytes } from 'node:crypto'
import { createRequestStateCodec } from '@modelcontextprotocol/server'

/** Encrypts the state of a multi-round tool. One key per process: every round returns to the same process. */
export const stateCodec = createRequestStateCodec<{ tool: string; round: number }>({ key: randomBytes(32) })
