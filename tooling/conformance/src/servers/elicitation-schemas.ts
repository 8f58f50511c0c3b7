import type { JsonSchema } from './tool.js'

/** Asks for a user and an address. */
export const contact: JsonSchema = {
  type: 'object',
  properties: {
    username: { type: 'string', description: 'Who is answering' },
    email: { type: 'string', description: 'Where to write to' },
  },
  required: ['username', 'email'],
}

/** One default for each primitive type (SEP-1034). */
export const defaults: JsonSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
  required: [],
}

const plain = ['option1', 'option2', 'option3']

function titled(noun: string): { const: string; title: string }[] {
  return ['First', 'Second', 'Third'].map((ordinal, index) => ({
    const: `value${index + 1}`,
    title: `${ordinal} ${noun}`,
  }))
}

/** The five ways to write a choice (SEP-1330). */
export const enums: JsonSchema = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: plain },
    titledSingle: { type: 'string', oneOf: titled('Option') },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: plain } },
    titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
  },
  required: [],
}
