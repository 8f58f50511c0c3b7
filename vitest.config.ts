import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: ['packages/*', 'tooling'],
    maxWorkers: 2,
  },
})
