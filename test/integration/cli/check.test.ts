/** `check` and `doctor` refuse what `serve` would: a folder that can be no store, an application that is not there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type } from './cli.ts'

function folderWith(...files: string[]): { readonly config: string; readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-check-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const path of files) {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), '')
  }
  const config = join(folder, 'wasm-fpm.toml')
  writeFileSync(
    config,
    `store = "store"
[[runtime]]
name = "python"
extensions = [".py"]
[[pool]]
name = "www"
listen = ["./www.sock"]
[[tenant]]
name = "shop"
hosts = ["*"]
root = "www"
runtimes = ["python"]
app = "shop.wsgi:application"
`,
  )
  return { config, folder }
}

const MODULE = 'store/runtimes/python.wasm' // as somebody has copied it there
const CASES = [
  { name: 'all that there has to be', files: [MODULE, 'www/shop/wsgi.py'], says: undefined },
  {
    name: 'a folder of something else for the store',
    files: [MODULE, 'store/holiday.jpg', 'www/shop/wsgi.py'],
    says: /there is "holiday\.jpg", wanted an empty folder.*\[STORE_NOT_A_STORE\]/s,
  },
  {
    name: 'an application that is not there',
    files: [MODULE, 'www/shop/wsgj.py'],
    says: /did you mean "shop\.wsgj:application"\?.*\[CONFIG_NO_APP\]/s,
  },
]

test.each(CASES)('check: $name', async ({ files, says }) => {
  const { code, stdout, stderr } = await type(['check', '--config', folderWith(...files).config])
  if (says === undefined) expect({ code, stderr }, stdout).toMatchObject({ code: 0 })
  else {
    expect(code).not.toBe(0)
    expect(stderr).toMatch(says)
  }
})

test('doctor: an application that is not there', async () => {
  const { config } = folderWith(MODULE, 'www/shop/wsgj.py')
  const { code, stdout } = await type(['doctor', '--config', config])
  expect(code).toBe(1)
  expect(stdout).toMatch(/app\b.*is "shop\.wsgi:application", and there is no wsgi\.py/)
})
