// Writes modules with what ruby.wasm wants of a JavaScript around it: node host.mjs RUBY FOLDER. There is none; handles stand for themselves.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [ruby, folder] = process.argv.slice(2)
const bytes = readFileSync(ruby)
const types = importTypes(bytes)
const OWN = {
  'resource_new_rb-abi-value': '(local.get 0)',
  'resource_get_rb-abi-value': '(local.get 0)',
  'resource_drop_js-abi-value': '',
}
for (const module of ['canonical_abi', 'rb-js-abi-host']) {
  const functions = types
    .filter((one) => one.module === module)
    .map(({ name, params, results }) => {
      const type = `${params.map((one) => `(param ${one})`).join(' ')} ${results.map((one) => `(result ${one})`).join(' ')}`
      return `  (func (export ${JSON.stringify(name)}) ${type} ${OWN[name] ?? '(unreachable)'})`
    })
  writeFileSync(join(folder, `${module}.wat`), `(module\n${functions.join('\n')})\n`)
}

// Of the imported functions: their names and types.
function importTypes(wasm) {
  let at = 8
  const number = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++]
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }
  const text = () => {
    const size = number()
    at += size
    return wasm.toString('utf8', at - size, at)
  }
  const KINDS = { 127: 'i32', 126: 'i64', 125: 'f32', 124: 'f64' }
  const list = () => Array.from({ length: number() }, () => KINDS[wasm[at++]])
  let signatures = []
  while (at < wasm.length) {
    const section = wasm[at++]
    const size = number()
    const end = at + size
    if (section === 1) {
      signatures = Array.from({ length: number() }, () => {
        at += 1
        return { params: list(), results: list() }
      })
    }
    if (section === 2) {
      return Array.from({ length: number() }, () => {
        const module = text()
        const name = text()
        if (wasm[at++] !== 0)
          throw new Error(`Cannot read ${ruby}: ${module}.${name} is no function`)
        return { module, name, ...signatures[number()] }
      })
    }
    at = end
  }
  return []
}
