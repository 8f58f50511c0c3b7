import { onePixelPng } from './content.js'

/** The contents of one resource. */
export type ResourceContents =
  | { uri: string; mimeType: string; text: string }
  | { uri: string; mimeType: string; blob: string }

/** A resource that is always there. */
export interface StaticResource {
  readonly uri: string
  readonly name: string
  readonly description: string
  readonly mimeType: string
  readonly read: () => ResourceContents
}

export const resources: readonly StaticResource[] = [
  textResource('test://static-text', 'static-text', 'This is the content of the static text resource.'),
  {
    uri: 'test://static-binary',
    name: 'static-binary',
    description: 'A picture of one pixel',
    mimeType: 'image/png',
    read: () => ({ uri: 'test://static-binary', mimeType: 'image/png', blob: onePixelPng }),
  },
  textResource('test://watched-resource', 'watched-resource', 'Subscribe to this one.'),
]

/** The template, and what is behind it. */
export const template = {
  name: 'template',
  uriTemplate: 'test://template/{id}/data',
  description: 'Data by number',
  mimeType: 'application/json',
  read: (uri: string, id: string): ResourceContents => ({
    uri,
    mimeType: 'application/json',
    text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
  }),
} as const

/** The contents behind a URI, static or through the template; nothing where there is no such resource. */
export function readResource(uri: string): ResourceContents | undefined {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1]
  return id === undefined
    ? resources.find((resource) => resource.uri === uri)?.read()
    : template.read(uri, decodeURIComponent(id))
}

function textResource(uri: string, name: string, value: string): StaticResource {
  const mimeType = 'text/plain'
  return { uri, name, description: value, mimeType, read: () => ({ uri, mimeType, text: value }) }
}
