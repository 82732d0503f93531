/** Tenants with the same scripts begin with what has been loaded for one of them, and see nothing of each other by it. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { havePhpRuntime, PHP_RUNTIME } from '../../support/php-runtime.ts'
import { Client, makeFolder, serve } from './serve.ts'

/**
 * Tells which scripts are loaded where it begins, leaves what nobody may find, and runs one by way of `..`, and one of its tenant's own, by
 * its path, behind a link, and by way of a folder of all tenants.
 */
const PAGE = `<?php
$loaded = array_map('basename', array_keys(opcache_get_status()['scripts'] ?? []));
sort($loaded);
$tenant = $_SERVER['HTTP_X_TENANT'];
class Canary { static $of = null; }
$found = [Canary::$of, getenv('CANARY'), ini_get('user_agent'), array_diff(scandir(__DIR__ . '/own'), ['.', '..'])];
Canary::$of = $tenant; putenv("CANARY=$tenant"); ini_set('user_agent', $tenant);
require __DIR__ . '/part.php';
require __DIR__ . '/folder/../two.php';
$own = require __DIR__ . '/own/own.php';
$linked = require __DIR__ . '/linked.php';
if ((require __DIR__ . '/folder/../own/own.php') !== $own) exit('not its own');
echo json_encode(['loaded' => $loaded, 'found' => $found, 'part' => part(), 'own' => $own, 'linked' => $linked]);
`

interface Page {
  readonly loaded: readonly string[]
  readonly found: readonly unknown[]
  readonly part: string
  readonly own: string
  readonly linked: string
}

const LOADED = /"tenant":"a".*scripts are loaded ahead/

test.skipIf(!havePhpRuntime())('tenants that have a root in common', async () => {
  const folder = makeFolder()
  const root = join(folder, 'root')
  mkdirSync(join(root, 'own'), { recursive: true })
  writeFileSync(join(root, 'page.php'), PAGE)
  writeFileSync(join(root, 'part.php'), "<?php function part() { return 'first'; }")
  mkdirSync(join(root, 'folder'))
  writeFileSync(join(root, 'two.php'), '<?php')
  symlinkSync('own/linked.php', join(root, 'linked.php'))
  const names = ['a', 'b', 'c']
  for (const name of names) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, `only-${name}`), '')
    for (const script of ['own', 'linked'])
      writeFileSync(join(folder, name, `${script}.php`), `<?php return '${script} ${name}';`)
  }
  // The third has a variable that the others have not.
  const tenants = names.map(
    (name) => `[[tenant]]
name = "${name}"
root = "${root}"
runtimes = ["php"]
revalidate = "100ms"
${name === 'c' ? 'env = { OTHER = "c" }' : ''}
[[tenant.mounts]]
guest = "${root}/own"
host = "${folder}/${name}"
writable = true`,
  )
  const serving = await serve({
    folder,
    config: `[log]
level = "debug"
[[runtime]]
name = "php"
module = "${PHP_RUNTIME}"
extensions = [".php"]
[[pool]]
name = "www"
listen = ["${folder}/www.sock"]
workers = 1
${tenants.join('\n')}`,
  })
  const client = new Client(serving.socket)
  onTestFinished(() => client.close())
  const ask = async (tenant: string): Promise<Page> => {
    const script = { SCRIPT_FILENAME: `${root}/page.php`, DOCUMENT_ROOT: root }
    const params = { ...script, WASM_FPM_TENANT: tenant, HTTP_X_TENANT: tenant }
    const { body } = await client.get('page.php', '', params)
    const page: Page = JSON.parse(body)
    const [canary, variable, setting, files] = page.found
    expect([canary, variable, setting, Object.values(files as object).sort()]).toEqual([
      ...[null, false, ''],
      ['linked.php', `only-${tenant}`, 'own.php'],
    ])
    expect([page.own, page.linked]).toEqual([`own ${tenant}`, `linked ${tenant}`])
    return page
  }
  const common = ['page.php', 'part.php', 'two.php']

  expect((await ask('a')).loaded).toEqual(['page.php'])
  await serving.logged(LOADED)
  expect((await ask('b')).loaded, 'of the first request of another').toEqual(common)
  expect((await ask('c')).loaded, 'of one with other variables').toEqual(['page.php'])
  // What is a tenant's own is loaded over that.
  for (const name of names)
    await expect.poll(async () => (await ask(name)).loaded).toContain('own.php')
  writeFileSync(join(root, 'part.php'), "<?php function part() { return 'second'; }")
  for (const name of names) await expect.poll(async () => (await ask(name)).part).toBe('second')
  for (let round = 0; round < 3; round += 1) for (const name of names) await ask(name)
})
