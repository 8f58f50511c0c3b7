// Opens files up to the limit of this process, starts a child, and prints the error.
import { closeSync, openSync } from 'node:fs'

const { stdioClient } = await import(process.argv[2])
const files = []
try {
  for (;;) files.push(openSync(process.execPath))
} catch {}
const error = await stdioClient({ command: 'cat' })
  .start()
  .catch((failure) => failure)
for (const file of files) closeSync(file)
console.log(JSON.stringify({ code: error?.code, message: error?.message, details: error?.details }))
process.exit()
