/** Before all tests: compiles the program as the package holds it, for those that start it (`program.ts`). */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { resolve } from 'node:path'

export default function buildProgram(): void {
  rmSync('build/compiled', { recursive: true, force: true })
  const compiler = resolve('node_modules/.bin/tsc')
  execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
}
