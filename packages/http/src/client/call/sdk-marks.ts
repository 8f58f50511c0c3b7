/** By these, shared by all copies of the TypeScript SDK's v2, it knows its own errors. */
const ERROR_BRANDS: unique symbol = Symbol.for('mcp.sdk.errorBrands') as never
const AUTH_SEAM: unique symbol = Symbol.for('mcp.authSeamEscape') as never
const HTTP_ERROR_BRANDS: ReadonlySet<string> = new Set(['mcp.SdkError', 'mcp.SdkHttpError'])

/** What the v2 SDK reads of an error that stands for an HTTP status. */
export interface HttpErrorData {
  readonly status: number
  readonly statusText: string
  readonly text: string
}

/** Makes the error one that the v2 SDK takes for its `SdkHttpError`: it decides about the era by the status. */
export function markAsHttpError<E extends Error>(error: E, data: HttpErrorData): E {
  return Object.defineProperties(error, {
    [ERROR_BRANDS]: { value: HTTP_ERROR_BRANDS },
    data: { value: data },
    status: { value: data.status },
    statusText: { value: data.statusText },
  })
}

/** Makes the v2 SDK pass the error on to the application as it is, instead of taking it for a verdict on the era. */
export function markAsAuthFailure(error: unknown): unknown {
  if (typeof error === 'object' && error !== null && Object.isExtensible(error))
    Object.defineProperty(error, AUTH_SEAM, { value: true, configurable: true })
  return error
}
