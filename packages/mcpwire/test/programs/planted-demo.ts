// The demonstration with one answer expected wrongly. Its exit code is the demonstration's.
import { demo } from '../../src/commands/demo.js'
import { rightAnswers } from '../../src/demo/steps.js'

process.exit(await demo(process.argv.slice(2), { ...rightAnswers, echoed: 'Echo: goodbye' }))
