/** Which tenants have a folder for sessions, and where their guests find it. */
import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/parse.ts'
import { tenantsWithoutSessions, withSessionFolders } from '../../../src/config/session-folders.ts'
import { FILE, POOL, TENANT } from './texts.ts'

const PHP = '[[runtime]]\nname = "php"\nextensions = [".php"]\n'
const mount = (guest: string, more = ''): string =>
  `[[tenant.mounts]]\nhost = "/nowhere"\nguest = "${guest}"\n${more}`

const CASES: { name: string; text: string; hasFolder: boolean }[] = [
  { name: 'no runtime', text: `${PHP}${POOL}${TENANT}`, hasFolder: false },
  { name: 'a runtime', text: `${PHP}${POOL}${TENANT}runtimes = ["php"]`, hasFolder: true },
  {
    name: 'a runtime without sessions',
    text: `${PHP}sessions = "off"\n${POOL}${TENANT}runtimes = ["php"]`,
    hasFolder: false,
  },
  ...[
    { name: 'a mount at the same path', mounts: mount('/var/lib/php/sessions'), hasFolder: false },
    { name: 'one with a slash', mounts: mount('/var/lib/php/sessions/'), hasFolder: false },
    {
      name: 'a writable mount above',
      mounts: mount('/var/lib/php', 'writable = true'),
      hasFolder: false,
    },
    { name: 'one that is not writable', mounts: mount('/var/lib/php'), hasFolder: true },
    {
      name: 'a mount beside it',
      mounts: mount('/var/lib/php/session', 'writable = true'),
      hasFolder: true,
    },
  ].map(({ name, mounts, hasFolder }) => ({
    ...{ name, hasFolder },
    text: `${PHP}${POOL}${TENANT}runtimes = ["php"]\n${mounts}`,
  })),
]

test.for(CASES)('$name', ({ text, hasFolder }) => {
  const config = parseConfig(text, FILE)
  const [tenant] = withSessionFolders(config, '/store').tenants
  expect(tenant?.sessionFolder).toBe(hasFolder ? '/store/state/acme/sessions' : undefined)
  expect(tenantsWithoutSessions(config).length).toBe(hasFolder ? 1 : 0)
  expect(tenantsWithoutSessions(withSessionFolders(config, '/store'))).toEqual([])
})

test.for(['/', 'sessions', '/a/../b', ''])('sessions = "%s" is refused', (path) => {
  const text = `${PHP}sessions = "${path}"\n${POOL}${TENANT}`
  expect(() => parseConfig(text, FILE)).toThrow('wanted "off" or an absolute path')
})
