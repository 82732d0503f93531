// Writes adapter.wat for a language: node fill.mjs ADAPTER SOURCE WARM HANDLE. WARM and HANDLE: functions that are called with the environment.
import { readFileSync } from 'node:fs'

const [adapter, source, warm, handle] = process.argv.slice(2)
const escaped = (bytes) =>
  [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')
const text = readFileSync(source)
const values = {
  SOURCE: escaped(text),
  SOURCE_SIZE: text.length,
  CALL: escaped(Buffer.from(warm + handle)),
  WARM_SIZE: warm.length,
  HANDLE_SIZE: handle.length,
}
process.stdout.write(
  readFileSync(adapter, 'utf8').replaceAll(/@(\w+)@/g, (all, name) => values[name] ?? all),
)
