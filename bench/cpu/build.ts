/** Compiles the CPU suite's guests (bench/cpu/src) into build/bench-cpu. Wants clang with wasm-ld, and AssemblyScript from npm. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'

const SOURCES = join(import.meta.dirname, 'src')
const OUTPUT = join(import.meta.dirname, '../../build/bench-cpu')

/** Compiles what is out of date and returns the paths of all modules. */
export function buildSuite(): string[] {
  mkdirSync(OUTPUT, { recursive: true })
  return readdirSync(SOURCES)
    .filter((name) => name.endsWith('.c'))
    .sort()
    .map((name) => {
      const source = join(SOURCES, name)
      const module = join(OUTPUT, `${basename(name, '.c')}.wasm`)
      if (!existsSync(module) || statSync(module).mtimeMs < statSync(source).mtimeMs)
        compile(source, module)
      return module
    })
}

function compile(source: string, module: string): void {
  const target = ['--target=wasm32', '-O2', '-nostdlib', '-fno-builtin', '-Wl,--no-entry']
  execFileSync('clang', [...target, source, '-o', module], { stdio: 'inherit' })
}

if (import.meta.main) for (const path of buildSuite()) process.stdout.write(`${path}\n`)
