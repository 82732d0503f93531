/**
 * Builds the guests this machine has compilers for into build/guests/<language>/, and only what is out of date.
 *
 *     node guests/build.ts [--require-all] [--only LANGUAGE]...
 *
 * AssemblyScript and JavaScript come with npm; C needs clang, lld, wasi-libc and libclang-rt-*-dev-wasm32; Rust needs a rustc with
 * a WASI target. A missing compiler is told and passed over, with --require-all it is a failure.
 */
import { execFile } from 'node:child_process'
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
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'

/** Turns one source file into one output file; rejects with what the compiler said. */
type Compile = (source: string, output: string) => Promise<void>

interface Language {
  /** The name of its folder in build/guests. */
  readonly name: string
  /** Its sources, relative to guests/. */
  readonly folder: string
  /** What they are built with, as above. */
  readonly sdk?: string
  /** The ending of a program's source and of what is built from it. */
  readonly endings: readonly [source: string, output: string]
  /** Which programs are built; all when left out. */
  readonly programs?: readonly string[]
  /** What to say when `compiler` finds none. */
  readonly needs: string
  compiler(): Promise<Compile | undefined>
}

/** Compilers that run at the same time. */
const PARALLEL = 2

const guests = dirname(fileURLToPath(import.meta.url))
const root = dirname(guests)
const JCO = join(root, 'node_modules/@bytecodealliance/jco')
const run = promisify(execFile)

/** What a handler is built to; `more`: imports. */
const worldOf = (version: string, more: string): string => `package wasm-fpm:guest;
world guest {
  import wasi:http/types@${version};
  import wasi:io/streams@${version};
  export wasi:http/incoming-handler@${version};
  ${more}
}
`

const LANGUAGES: readonly Language[] = [
  {
    name: 'as',
    folder: 'as',
    endings: ['.ts', '.wasm'],
    needs: 'npm ci (assemblyscript)',
    compiler: assemblyScript,
  },
  {
    name: 'c',
    folder: 'c',
    endings: ['.c', '.wasm'],
    needs: 'clang, lld, wasi-libc and libclang-rt-14-dev-wasm32',
    compiler: clang,
  },
  {
    name: 'fcgi',
    folder: 'fcgi',
    sdk: 'sdk/c',
    endings: ['.c', '.wasm'],
    needs: 'clang, lld, wasi-libc and libclang-rt-14-dev-wasm32, and npm ci (binaryen)',
    compiler: fcgiCc,
  },
  {
    name: 'rust',
    folder: 'rust',
    endings: ['.rs', '.wasm'],
    needs: 'rustc with libstd-rust-dev-wasm32 (or the wasm32-wasip1 target of rustup), and lld',
    compiler: () => rustc(),
  },
  {
    // Commands of wasi:cli: the same programs as components.
    name: 'c-command',
    folder: 'c',
    endings: ['.c', '.wasm'],
    programs: ['hello', 'echo', 'upload', 'exit'],
    needs: 'what C needs, and npm ci (@bytecodealliance/jco)',
    compiler: clangCommand,
  },
  {
    name: 'rust-http',
    folder: 'rust-http',
    sdk: 'sdk/rust',
    endings: ['.rs', '.wasm'],
    programs: ['handler', 'guard'],
    needs: 'what Rust needs, and npm ci (@bytecodealliance/jco)',
    compiler: rustHandler,
  },
  {
    name: 'js',
    folder: 'js',
    endings: ['.js', '.wasm'],
    needs: 'npm ci (@bytecodealliance/jco)',
    compiler: componentize,
  },
  {
    // The same programs for fcgiwrap, which the bench compares with.
    name: 'native',
    folder: 'c',
    endings: ['.c', ''],
    programs: ['hello', 'echo', 'upload', 'download'],
    needs: 'cc',
    compiler: nativeC,
  },
]

const { values } = parseArgs({
  options: {
    'require-all': { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
  },
})
let failed = false
for (const language of LANGUAGES) {
  if (values.only.length > 0 && !values.only.includes(language.name)) continue
  if (!(await build(language))) failed = true
}
process.exitCode = failed ? 1 : 0

/** Builds one language; false when something that must be there is not, or does not compile. */
async function build(language: Language): Promise<boolean> {
  const target = join(root, 'build/guests', language.name)
  const stale = programs(language)
    .map((source) => ({ source, output: join(target, outputName(language, source)) }))
    .filter(({ output }) => isStale(language, output))
  if (stale.length === 0) return true
  const compile = await language.compiler()
  if (compile === undefined) {
    say(`guests: ${language.name} not built: needs ${language.needs}`)
    return !values['require-all']
  }
  mkdirSync(target, { recursive: true })
  // Built beside, then renamed: nobody who builds or reads at the same time sees half a file.
  const scratch = mkdtempSync(join(dirname(target), `.${language.name}-`))
  const errors: string[] = []
  const next = async (): Promise<void> => {
    for (let job = stale.pop(); job !== undefined; job = stale.pop()) {
      const { source, output } = job
      const fresh = join(scratch, basename(output))
      await compile(source, fresh).then(
        () => {
          renameSync(fresh, output)
          say(`guests: built ${output.slice(root.length + 1)}`)
        },
        (error: unknown) => errors.push(`guests: cannot build ${source}: ${explain(error)}`),
      )
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, next))
  rmSync(scratch, { recursive: true })
  for (const error of errors) say(error)
  return errors.length === 0
}

function programs({ folder, endings, programs: wanted }: Language): string[] {
  return readdirSync(join(guests, folder))
    .filter((name) => name.endsWith(endings[0]))
    .filter((name) => wanted === undefined || wanted.includes(basename(name, endings[0])))
    .map((name) => join(guests, folder, name))
}

function outputName({ endings }: Language, source: string): string {
  return basename(source, endings[0]) + endings[1]
}

/** Whether `output` is older than its own source, a file shared by its language, or this script. */
function isStale(language: Language, output: string): boolean {
  if (!existsSync(output)) return true
  const builtMs = statSync(output).mtimeMs
  const own = basename(output, language.endings[1]) + language.endings[0]
  const others = language.sdk === undefined ? [] : filesIn(join(guests, language.sdk))
  return filesIn(join(guests, language.folder))
    .filter((path) => !programs(language).includes(path) || basename(path) === own)
    .concat(others, fileURLToPath(import.meta.url))
    .some((path) => statSync(path).isFile() && statSync(path).mtimeMs > builtMs)
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
    join(folder, name),
  )
}

async function assemblyScript(): Promise<Compile | undefined> {
  const compiler = join(root, 'node_modules/assemblyscript/bin/asc.js')
  if (!existsSync(compiler)) return undefined
  // asc names a file by its path from the folder it runs in.
  return (source, output) =>
    execute(process.execPath, [
      compiler,
      basename(source),
      ...['--baseDir', dirname(source), '--outFile', output],
      ...['-O3', '--runtime', 'stub', '--exportStart', '_start', '--use', 'abort=lib/cgi/abort'],
    ])
}

/** Of Debian or of LLVM, with what a WASI program is linked with. */
async function findClang(): Promise<string | undefined> {
  for (const name of ['clang', ...[22, 21, 20, 19, 18, 17, 16, 15, 14].map((n) => `clang-${n}`)]) {
    const found = await answer(name, ['--target=wasm32-wasi', '-print-libgcc-file-name'])
    if (found !== undefined && existsSync(found)) return name
  }
  return undefined
}

/** Programs written for libfcgi. */
async function fcgiCc(): Promise<Compile | undefined> {
  const name = await findClang()
  const optimizer = join(root, 'node_modules/.bin/wasm-opt')
  if (name === undefined || !existsSync(optimizer)) return undefined
  const env = { ...process.env, CC: name, WASM_OPT: optimizer }
  const flags = ['-Wall', '-Wextra', '-Werror']
  return async (source, output) => {
    await run(join(guests, 'sdk/c/fcgi-cc'), [...flags, '-o', output, source], { env })
  }
}

async function clang(): Promise<Compile | undefined> {
  const flags = ['--target=wasm32-wasi', '-O2', '-Wall', '-Wextra', '-Werror']
  // Without these two the stack is 64 KiB and runs into the program's data in silence.
  const link = ['-Wl,-z,stack-size=1048576', '-Wl,--stack-first', '-Wl,--strip-all']
  const name = await findClang()
  if (name === undefined) return undefined
  return (source, output) => execute(name, [...flags, ...link, '-o', output, source])
}

async function rustc(more: readonly string[] = []): Promise<Compile | undefined> {
  // Debian's has the target where a rustup one that comes first in PATH may not.
  const { RUSTC } = process.env
  const candidates = [RUSTC, 'rustc', '/usr/bin/rustc', '/usr/local/bin/rustc']
  for (const name of candidates) {
    if (name === undefined) continue
    for (const target of ['wasm32-wasip1', 'wasm32-wasi']) {
      const libraries = await answer(name, ['--print', 'target-libdir', '--target', target])
      if (libraries === undefined || !existsSync(libraries)) continue
      const flags = ['--target', target, '--edition', '2021', '-O', '-C', 'strip=symbols', ...more]
      return (source, output) => execute(name, [...flags, '-D', 'warnings', '-o', output, source])
    }
  }
  return undefined
}

async function jco(...args: readonly string[]): Promise<void> {
  await execute(process.execPath, [join(JCO, 'dist/jco.js'), ...args])
}

/**
 * With what makes a command of wasi:cli of a program for preview 1. It takes memory of the program's: wasi-libc before 2023 does not
 * notice, so programs that allocate any, Rust's among them, end in a trap on every host when they are built with Debian 12's.
 */
async function clangCommand(): Promise<Compile | undefined> {
  const compile = existsSync(JCO) ? await clang() : undefined
  if (compile === undefined) return undefined
  return async (source, output) => {
    const core = `${output}.core.wasm`
    await compile(source, core)
    await jco('new', core, '--wasi-command', '-o', output)
  }
}

async function rustHandler(): Promise<Compile | undefined> {
  const compile = existsSync(JCO) ? await rustc(['-C', 'panic=abort']) : undefined
  if (compile === undefined) return undefined
  return async (source, output) => {
    const [core, embedded] = [`${output}.core.wasm`, `${output}.embedded.wasm`]
    await compile(source, core)
    // One that stands before another handler.
    const isGuard = basename(source) === 'guard.rs'
    writeWit(`${output}.wit`, '0.2.12', isGuard ? 'import wasi:http/incoming-handler@0.2.12;' : '')
    await jco('embed', core, '--wit', `${output}.wit`, '-n', 'guest', '-o', embedded)
    await jco('new', embedded, '--wasi-reactor', '-o', output)
  }
}

/** JavaScript engines in a component want wasi:http 0.2.10. */
async function componentize(): Promise<Compile | undefined> {
  if (!existsSync(JCO)) return undefined
  return async (source, output) => {
    writeWit(`${output}.wit`, '0.2.10')
    await jco('componentize', source, '--wit', `${output}.wit`, '-n', 'guest', '-o', output)
  }
}

/** What a handler is to be built to: the definitions that come with jco are of one 0.2, and the same in all others. */
function writeWit(folder: string, version: string, more = ''): void {
  const definitions = join(JCO, 'lib/wit/builtin')
  for (const name of ['io', 'clocks'])
    cpSync(join(definitions, version, `wasi-${name}`), join(folder, 'deps', name), {
      recursive: true,
    })
  const http = readFileSync(join(definitions, '0.2.12/wasi-http/package.wit'), 'utf8')
  mkdirSync(join(folder, 'deps/http'))
  writeFileSync(
    join(folder, 'deps/http/package.wit'),
    http.replaceAll('0.2.12', version).replace(/^world [^}]*^}/gm, ''),
  )
  writeFileSync(join(folder, 'world.wit'), worldOf(version, more))
}

async function nativeC(): Promise<Compile | undefined> {
  for (const name of ['cc', 'clang', 'gcc']) {
    if ((await answer(name, ['--version'])) === undefined) continue
    return (source, output) => execute(name, ['-O2', '-o', output, source])
  }
  return undefined
}

/** What a program prints, trimmed; undefined when it is missing or fails. */
async function answer(program: string, args: readonly string[]): Promise<string | undefined> {
  return run(program, args).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  )
}

async function execute(program: string, args: readonly string[]): Promise<void> {
  await run(program, args)
}

function explain(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
  return said === '' ? String(error) : said
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
