/** The standard library of Python: what is not in its code, and what this runtime has made its own. */
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { havePythonRuntime } from '../../support/python-runtime.ts'
import { type LanguageSite, startSite } from './language-site.ts'

const SOURCES = '/usr/lib/python3.11'
const has = havePythonRuntime()
const hasSources = has && existsSync(`${SOURCES}/textwrap.py`)

function start(tables = ''): Promise<LanguageSite> {
  return startSite({
    ...{ name: 'python', extension: '.py', runtime: '', app: 'library:application' },
    tenant: 'limits = { cpu = "2s", wall = "10s" }',
    tables: () => tables,
  })
}

async function ask({ client, serving }: LanguageSite, page: string): Promise<unknown> {
  const { status, body } = await client.get(page)
  expect(status, serving.log()).toBe(200)
  return JSON.parse(body)
}

const WITHOUT = {
  file: `${SOURCES}/textwrap.py`,
  source: 'OSError',
  raised: expect.stringContaining(`File "${SOURCES}/textwrap.py", line `),
  ...{ executable: '', libc: '' },
}

test.skipIf(!has)('of its modules it is known where they would be', async () => {
  const site = await start()
  expect(await ask(site, 'sources')).toEqual(WITHOUT)
  site.client.close()
})

test.skipIf(!hasSources)('where their sources are mounted, they are shown', async () => {
  const site = await start(`[[tenant.mounts]]\nhost = "${SOURCES}"\nguest = "${SOURCES}"\n`)
  expect(await ask(site, 'sources')).toEqual({
    ...WITHOUT,
    source: 'def dedent(text):',
    raised: expect.stringMatching(/^text = .*text\)$/),
  })
  site.client.close()
})

test.skipIf(!has)(
  'a file that is mapped is written back, and is not open in requests',
  async () => {
    const site = await start()
    expect(await ask(site, 'mapped')).toEqual({
      ...{ before: 'aaa', after: 'xyz', closed: 'za', refused: 'PermissionError' },
    })
    for (let count = 0; count < 2; count += 1)
      expect(await ask(site, 'kept')).toEqual({
        ...{ seen: 'new text', written: 'new text', flushed: false, after: 'new text', own: 'own' },
      })
    site.client.close()
  },
)

test.skipIf(!has)('it packs as bzip2 and xz do, and limits of a process bind nothing', async () => {
  const site = await start()
  expect(await ask(site, 'packed')).toEqual({ packed: [true, true], limit: [10, 10], used: true })
  site.client.close()
})
