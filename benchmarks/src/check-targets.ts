// Prints which targets hold in the committed results. Always exits with 0: speed is reported, never gated.
import { evaluate } from './harness/evaluate.js'
import { committedResults } from './harness/results.js'
import { verdictsText, wordFor } from './harness/tables.js'
import { targets } from './harness/targets.js'
import { committedSoaks, soaksText } from './soak/soak-results.js'

const results = committedResults()
const verdicts = targets.map((target) => evaluate(target, results.get(target.suite)))
const count = (word: string) => verdicts.filter((verdict) => wordFor(verdict) === word).length
console.log(verdictsText(verdicts))
console.log(soaksText(committedSoaks()))
console.log(`\n${count('met')} met, ${count('missed')} missed, ${count('not measured')} not measured`)
