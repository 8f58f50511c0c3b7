/** One piece of what a tool or a prompt returns. */
export type Content =
  | { type: 'text'; text: string }
  | { type: 'image'; data: string; mimeType: string }
  | { type: 'audio'; data: string; mimeType: string }
  | { type: 'resource'; resource: { uri: string; mimeType: string; text: string } }

/** A PNG of one pixel, in Base64. */
export const onePixelPng =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='

/** A WAV file without a sample, in Base64. */
const silentWav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA='

export const image: Content = { type: 'image', data: onePixelPng, mimeType: 'image/png' }

export const audio: Content = { type: 'audio', data: silentWav, mimeType: 'audio/wav' }

export function text(value: string): Content {
  return { type: 'text', text: value }
}

export function embedded(uri: string, mimeType: string, value: string): Content {
  return { type: 'resource', resource: { uri, mimeType, text: value } }
}
