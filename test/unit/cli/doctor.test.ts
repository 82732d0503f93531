import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { doctorCommand } from '../../../src/cli/doctor.ts'

let folder = ''
let printed = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-doctor-'))
  printed = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
  rmSync(folder, { recursive: true })
})

/** Asks as the user who runs the test, who can do everything in the folder. */
async function ask(tenant: string, ...options: readonly string[]): Promise<void> {
  const file = join(folder, 'wasm-fpm.toml')
  writeFileSync(
    file,
    `[[pool]]\nname = "www"\nlisten = ["./www.sock"]\n[[tenant]]\nname = "acme"\n${tenant}\n`,
  )
  const web = ['--web-user', userInfo().username]
  await doctorCommand().parseAsync(['--config', file, ...web, ...options], { from: 'user' })
}

test('nothing to put right: exit code 0', async () => {
  mkdirSync(join(folder, 'www'))
  writeFileSync(join(folder, 'www/index.wasm'), '')
  await ask('root = "www"')
  expect(printed).toMatch(/^ok +pool "www": listen \S+ +\S+ can connect$/m)
  expect(printed).toMatch(/, 0 to put right\n$/)
  expect(process.exitCode).toBeUndefined()
})

test('a root that is not there: exit code 1, and what to do', async () => {
  await ask('root = "gone"')
  expect(printed).toContain(`FAIL  tenant "acme": root`)
  expect(printed).toContain(`-> mkdir -p ${folder}/gone`)
  expect(process.exitCode).toBe(1)
})

test('--json', async () => {
  await ask('root = "gone"', '--json')
  const { summary, checks } = JSON.parse(printed)
  expect(summary.fail).toBe(1)
  expect(checks.find(({ status }: { readonly status: string }) => status === 'fail')).toEqual({
    subject: 'tenant "acme"',
    name: 'root',
    status: 'fail',
    actual: `${folder}/gone does not exist`,
    advice: `mkdir -p ${folder}/gone`,
  })
  expect(process.exitCode).toBe(1)
})

test('--tenant prints what to write into the web server', async () => {
  await ask('hosts = ["acme.example"]', '--tenant', 'acme')
  expect(printed).toContain('# nginx\nupstream wasm_fpm_acme {')
  expect(printed).toContain('# Apache\n')
  expect(printed.match(/acme\.example/g)).toHaveLength(2)
})

test('--tenant with a name that nobody has', async () => {
  await expect(ask('', '--tenant', 'gone')).rejects.toMatchObject({
    code: 'DOCTOR_UNKNOWN_TENANT',
    message: 'Cannot print for tenant "gone": there is none of that name, wanted one of acme',
  })
})
