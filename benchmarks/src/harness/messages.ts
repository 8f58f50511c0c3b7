import type { JsonRpcNotification, JsonRpcRequest, JsonRpcResultResponse, RequestId } from '@mcpwire/core'

/** A tool call with a progress token, of about 200 bytes or of about `bytes`. */
export function requestOf(id: number, bytes: number = REQUEST_BYTES): JsonRpcRequest {
  return {
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: {
      name: 'search_documents',
      arguments: {
        query: queryOf(bytes - REQUEST_BYTES),
        limit: 20,
        offset: 0,
        language: 'en',
        sort: 'date',
      },
      _meta: { progressToken: id },
    },
  }
}

/** The response to it, of about 150 bytes. */
export function responseTo(id: RequestId): JsonRpcResultResponse {
  return {
    jsonrpc: '2.0',
    id,
    result: {
      content: [{ type: 'text', text: 'report-2026-q3.pdf, report-2026-q2.pdf, report-2026-q1.pdf' }],
      isError: false,
    },
  }
}

/** A progress notification of about 150 bytes. */
export function notificationOf(progress: number): JsonRpcNotification {
  return {
    jsonrpc: '2.0',
    method: 'notifications/progress',
    params: {
      progressToken: 1,
      progress,
      total: 1_000_000,
      message: 'reading the next part of the document',
    },
  }
}

const REQUEST_BYTES = 200
const QUERY = 'quarterly report'

function queryOf(extraBytes: number): string {
  return extraBytes > 0 ? QUERY + 'x'.repeat(extraBytes) : QUERY
}
