// Builds a handler: `node build.js SOURCE OUTPUT [OPTIONS OF jco componentize]`. What it exports is wasi:http's incoming-handler, of the
// version that the engine knows. Of a source in TypeScript the types are taken away.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const VERSION = '0.2.10'
const WORLD = `package local:handler;
world handler {
  import wasi:http/outgoing-handler@${VERSION};
  export wasi:http/incoming-handler@${VERSION};
}
`

const [source, output, ...more] = process.argv.slice(2)
const jco = dirname(dirname(fileURLToPath(import.meta.resolve('@bytecodealliance/jco'))))
const definitions = join(jco, 'lib/wit/builtin')
const wit = mkdtempSync(join(tmpdir(), 'handler-wit-'))
try {
  for (const name of ['io', 'clocks'])
    cpSync(join(definitions, VERSION, `wasi-${name}`), join(wit, 'deps', name), { recursive: true })
  // jco has those of a later version, which are the same.
  const http = readFileSync(join(definitions, '0.2.12/wasi-http/package.wit'), 'utf8')
  mkdirSync(join(wit, 'deps/http'))
  writeFileSync(
    join(wit, 'deps/http/package.wit'),
    http.replaceAll('0.2.12', VERSION).replace(/^world [^}]*^}/gm, ''),
  )
  writeFileSync(join(wit, 'world.wit'), WORLD)
  let script = source
  if (source.endsWith('.ts')) {
    script = join(wit, 'handler.js')
    writeFileSync(script, stripTypeScriptTypes(readFileSync(source, 'utf8')))
  }
  const options = ['--wit', wit, '-n', 'handler', '-o', output, ...more]
  const program = [join(jco, 'dist/jco.js'), 'componentize', script, ...options]
  process.exitCode = spawnSync(process.execPath, program, { stdio: 'inherit' }).status ?? 1
} finally {
  rmSync(wit, { recursive: true })
}
