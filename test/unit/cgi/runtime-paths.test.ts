/** What a runtime's scripts are told of paths, by what six web servers say. test/peers/php.test.ts has php-fpm beside. */
import { expect, test } from 'vitest'
import { nameValuesOf } from '../../../src/base/name-values.ts'
import { parseEnvironment } from '../../../src/cgi/environment.ts'
import { guestEnvironment } from '../../../src/cgi/guest-environment.ts'
import { runtimePaths } from '../../../src/cgi/runtime-paths.ts'
import { scriptCandidates } from '../../../src/cgi/script-path.ts'

const ROOT = '/srv/www'
const RULES = { documentRoot: ROOT, extensions: ['.php'], indexes: ['index.php'] }

interface Case {
  readonly name: string
  readonly said: Readonly<Record<string, string>>
  readonly told: Readonly<Record<string, string>>
}

/** Each with nothing else: what is not listed is not there. */
const CASES: readonly Case[] = [
  {
    name: 'nginx: a script',
    said: { SCRIPT_FILENAME: '/srv/www/a.php', SCRIPT_NAME: '/a.php' },
    told: { SCRIPT_FILENAME: '/srv/www/a.php', SCRIPT_NAME: '/a.php' },
  },
  {
    name: 'nginx: a front controller',
    said: { SCRIPT_FILENAME: '/srv/www/index.php', SCRIPT_NAME: '/index.php', REQUEST_URI: '/x' },
    told: { SCRIPT_FILENAME: '/srv/www/index.php', SCRIPT_NAME: '/index.php' },
  },
  {
    name: 'nginx: the path is not split',
    said: { SCRIPT_FILENAME: '/srv/www/a.php/b c', SCRIPT_NAME: '/a.php/b c' },
    told: {
      SCRIPT_FILENAME: '/srv/www/a.php',
      SCRIPT_NAME: '/a.php/b c',
      PATH_TRANSLATED: '/srv/www',
      ORIG_SCRIPT_FILENAME: '/srv/www/a.php/b c',
    },
  },
  {
    name: 'nginx: the path is split',
    said: {
      SCRIPT_FILENAME: '/srv/www/a.php',
      SCRIPT_NAME: '/a.php',
      PATH_INFO: '/b',
      PATH_TRANSLATED: '/srv/www/b',
    },
    told: {
      SCRIPT_FILENAME: '/srv/www/a.php',
      SCRIPT_NAME: '/a.php',
      PATH_INFO: '/b',
      PATH_TRANSLATED: '/srv/www/b',
    },
  },
  {
    name: 'nginx: the path would be split, and there is nothing',
    said: {
      SCRIPT_FILENAME: '/srv/www/a.php',
      SCRIPT_NAME: '/a.php',
      PATH_INFO: '',
      PATH_TRANSLATED: '/srv/www',
    },
    told: {
      SCRIPT_FILENAME: '/srv/www/a.php',
      SCRIPT_NAME: '/a.php',
      PATH_INFO: '',
      PATH_TRANSLATED: '/srv/www',
    },
  },
  {
    name: 'a web server that leaves PATH_INFO at the end of the file name',
    said: { SCRIPT_FILENAME: '/srv/www/a.php/b', SCRIPT_NAME: '/a.php', PATH_INFO: '/b' },
    told: {
      SCRIPT_FILENAME: '/srv/www/a.php',
      SCRIPT_NAME: '/a.php',
      PATH_INFO: '/b',
      PATH_TRANSLATED: '/srv/www/b',
      ORIG_SCRIPT_FILENAME: '/srv/www/a.php/b',
    },
  },
  {
    name: 'Caddy',
    said: { SCRIPT_FILENAME: '/srv/www/a.php', SCRIPT_NAME: '/a.php', PATH_INFO: '/b' },
    told: { SCRIPT_FILENAME: '/srv/www/a.php', SCRIPT_NAME: '/a.php', PATH_INFO: '/b' },
  },
  {
    name: 'Apache',
    said: { SCRIPT_FILENAME: 'proxy:fcgi://h:1/srv/www/a.php', SCRIPT_NAME: '/a.php' },
    told: { SCRIPT_FILENAME: '/srv/www/a.php', SCRIPT_NAME: '/a.php' },
  },
  {
    name: 'Apache: path info',
    said: { SCRIPT_FILENAME: 'proxy:fcgi://h:1/srv/www/a.php/b', SCRIPT_NAME: '/a.php/b' },
    told: {
      SCRIPT_FILENAME: '/srv/www/a.php',
      SCRIPT_NAME: '/a.php',
      PATH_INFO: '/b',
      PATH_TRANSLATED: '/srv/www/b',
    },
  },
  {
    name: 'lighttpd',
    said: { SCRIPT_FILENAME: '/srv/www/sub', SCRIPT_NAME: '/sub', PATH_INFO: '/a.php/b' },
    told: {
      SCRIPT_FILENAME: '/srv/www/sub/a.php',
      SCRIPT_NAME: '/sub/a.php',
      PATH_INFO: '/b',
      PATH_TRANSLATED: '/srv/www/b',
    },
  },
  {
    name: 'h2o',
    said: { SCRIPT_NAME: '', PATH_INFO: '/a.php' },
    told: { SCRIPT_FILENAME: '/srv/www/a.php', SCRIPT_NAME: '/a.php' },
  },
  {
    name: 'a folder',
    said: { SCRIPT_FILENAME: '/srv/www/sub/', SCRIPT_NAME: '/sub/' },
    told: { SCRIPT_FILENAME: '/srv/www/sub/index.php', SCRIPT_NAME: '/sub/index.php' },
  },
  {
    name: 'a web server that has the files elsewhere',
    said: { SCRIPT_FILENAME: '/web/a.php', SCRIPT_NAME: '/a.php', DOCUMENT_ROOT: '/web/' },
    told: { SCRIPT_FILENAME: '/srv/www/a.php', SCRIPT_NAME: '/a.php' },
  },
]

const PATHS = ['SCRIPT_FILENAME', 'SCRIPT_NAME', 'PATH_INFO', 'PATH_TRANSLATED']

test.for(CASES)('$name', ({ said, told }) => {
  const request = parseEnvironment(
    nameValuesOf(Object.entries({ REQUEST_METHOD: 'GET', DOCUMENT_ROOT: ROOT, ...said })),
  )
  const [found] = scriptCandidates(request.variables, RULES)
  if (found === undefined) throw new Error('no script')
  const paths = runtimePaths(found, request.variables, ROOT)
  const variables = guestEnvironment(request, { ...paths, role: 'responder', env: {} })
  const entries = variables
    .map((text): [string, string] => [text.split('=')[0] ?? '', text.replace(/^[^=]*=/, '')])
    .filter(([name]) => PATHS.includes(name.replace(/^ORIG_/, '')))
  expect(Object.fromEntries(entries)).toEqual(told)
  expect(variables).toContain(`DOCUMENT_ROOT=${ROOT}`)
})
