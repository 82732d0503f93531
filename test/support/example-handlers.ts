/** The handlers of examples/handlers, each put into the template of its language and built as that is. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { findBuildCommand } from '../../src/cli/dev/build-command.ts'
import { copyTemplate, findTemplate, listTemplates } from '../../src/cli/template/templates.ts'

const EXAMPLES = resolve('examples/handlers')
/** What is built, and beside it what of: 14 MB of an engine take their time. */
const BUILT = resolve('build/handlers')

export interface ExampleHandler {
  /** Its folder in examples/handlers, and its template unless that has another name. */
  readonly name: string
  readonly template?: string
  /** What is laid over the template before it: a folder, and where in the handler's. */
  readonly layers?: ReadonlyArray<readonly [from: string, into: string]>
}

/** Those that take longest first. */
export const EXAMPLE_HANDLERS: readonly ExampleHandler[] = [
  { name: 'javascript' },
  { name: 'typescript', template: 'javascript' },
  { name: 'fastcgi' },
  { name: 'cpp' },
  { name: 'rust' },
  {
    ...{ name: 'rust-http', template: 'rust' },
    layers: [
      ['examples/handlers/rust', '.'],
      ['guests/sdk/rust', 'src'],
    ],
  },
  { name: 'assemblyscript' },
]

const run = promisify(execFile)

/** The module of one, built unless nothing has changed. Rejects with what its compiler said. */
export async function buildExampleHandler(
  { name, template = name, layers = [] }: ExampleHandler,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), `wasm-fpm-handler-${name}-`))
  try {
    const folder = join(work, 'handler')
    copyTemplate(findTemplate(template, listTemplates()), 'handler', folder)
    for (const [from, into] of [...layers, [join(EXAMPLES, name), '.'] as const])
      cpSync(resolve(from), join(folder, into), { recursive: true })
    const made = join(folder, 'package.json')
    if (existsSync(made))
      writeFileSync(made, readFileSync(made, 'utf8').replaceAll('{{name}}', 'handler'))
    const [output, stamp] = [join(BUILT, `${name}.wasm`), join(BUILT, `${name}.sha256`)]
    const digest = digestOf(folder)
    if (existsSync(stamp) && readFileSync(stamp, 'latin1') === digest) return output
    // In the place of `npm install`.
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'))
    const command = findBuildCommand(folder, undefined)
    await run(command?.program ?? '', command?.args ?? [], {
      cwd: folder,
      env: { ...process.env, ...env },
    })
    mkdirSync(BUILT, { recursive: true })
    cpSync(join(folder, 'handler.wasm'), `${output}.new`)
    renameSync(`${output}.new`, output)
    writeFileSync(stamp, digest)
    return output
  } finally {
    rmSync(work, { recursive: true })
  }
}

/** Of all files in a folder, with their names. */
function digestOf(folder: string): string {
  const hash = createHash('sha256')
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted())
    if (statSync(join(folder, path)).isFile())
      hash.update(`${path}\0`).update(readFileSync(join(folder, path)))
  return hash.digest('hex')
}
