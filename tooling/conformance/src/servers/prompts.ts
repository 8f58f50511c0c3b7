import { type Content, embedded, image, text } from './content.js'

/** One message of a prompt. */
interface PromptMessage {
  role: 'user'
  content: Content
}

/** A prompt that works the same on both SDKs. */
export interface Prompt {
  readonly name: string
  readonly description: string
  readonly arguments: readonly { readonly name: string; readonly description: string }[]
  readonly messages: (args: Readonly<Record<string, string>>) => PromptMessage[]
}

export const prompts: readonly Prompt[] = [
  {
    name: 'test_simple_prompt',
    description: 'Takes nothing',
    arguments: [],
    messages: () => [user(text('This is a simple prompt for testing.'))],
  },
  {
    name: 'test_prompt_with_arguments',
    description: 'Repeats its arguments',
    arguments: [
      { name: 'arg1', description: 'The first' },
      { name: 'arg2', description: 'The second' },
    ],
    messages: ({ arg1, arg2 }) => [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
  },
  {
    name: 'test_prompt_with_embedded_resource',
    description: 'Carries a resource',
    arguments: [{ name: 'resourceUri', description: 'Which resource' }],
    messages: ({ resourceUri = '' }) => [
      user(embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.')),
      user(text('Please process the embedded resource above.')),
    ],
  },
  {
    name: 'test_prompt_with_image',
    description: 'Carries an image',
    arguments: [],
    messages: () => [user(image), user(text('Please analyze the image above.'))],
  },
]

/** What completes an argument that begins like that. */
export function completionsFor(beginning: string): { values: string[]; total: number; hasMore: boolean } {
  const values = ['paris', 'park', 'party', 'test'].filter((word) => word.startsWith(beginning))
  return { values, total: values.length, hasMore: false }
}

function user(content: Content): PromptMessage {
  return { role: 'user', content }
}
