/** A WSGI application and the requests it answers: what only Python has. See language-isolation.test.ts. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROGRAM } from '../../support/program.ts'
import { havePythonRuntime } from '../../support/python-runtime.ts'
import { type Breaking, expectOneBreaks, type LanguageSite, startSite } from './language-site.ts'

/** See runtimes/python/reactor/engine.c. */
const RUNS_AHEAD = 10
const has = havePythonRuntime()

interface StartOptions {
  /** More of the tenant's lines. */
  readonly tenant?: string
  /** Lines before all tables. */
  readonly top?: string
}

/** `app`: undefined: there are scripts. */
function start(
  app: string | undefined,
  { tenant = '', top = '' }: StartOptions = {},
): Promise<LanguageSite> {
  return startSite({
    ...{ name: 'python', extension: '.py', runtime: '', app, top },
    tenant: `limits = { cpu = "2s", wall = "10s" }\n${tenant}`,
  })
}

test.skipIf(!has)('nothing is left of a request, nor of one that was run ahead', async () => {
  const { client, folder, serving } = await start('isolation:application', {
    tenant: 'warm = ["/left_ahead"]',
  })
  const answers = []
  for (let count = 0; count < 5; count += 1) answers.push(await client.get('left_ahead'))
  client.close()
  const { seeded } = JSON.parse(answers[0]?.body ?? '')
  for (const { status, body } of answers) {
    expect(status, serving.log()).toBe(200)
    expect(JSON.parse(body)).toEqual({
      seen: Array(RUNS_AHEAD).fill(1), // of the request that was run ahead, whose effects are wanted
      ...{ module: true, local: true, path: true, environment: true, attribute: true },
      ...{ cwd: '/tmp', limit: 500, tmp: false, query: false, seeded },
    })
  }
  expect(readFileSync(join(folder, 'data/log.txt'), 'utf8')).toBe(
    `loaded\n${'asked\n'.repeat(RUNS_AHEAD + 5)}`,
  )
  expect(serving.log()).not.toContain('at exit')
})

const BREAKING: Breaking = {
  nested: { status: 500, log: /"code":"OUTCOME_STACK_OVERFLOW"/ },
  json: { status: 500, log: /RecursionError/ },
  pickle: { status: 500, log: /UnpicklingError|MemoryError|OverflowError|EOFError/ },
  native: {
    status: 500,
    log: /is native code and cannot be had here: .*_speed\.cpython-311-x86_64-linux-gnu\.so/,
  },
}

test.skipIf(!has)('what breaks a request breaks that one', async () => {
  await expectOneBreaks(await start('isolation:application'), BREAKING)
})

test.skipIf(!has)('a traceback is one entry of the log, with the words of an error', async () => {
  const { client, serving } = await start('isolation:application')
  const from = serving.log().length
  expect((await client.get('missing')).status).toBe(500)
  await serving.logged(/No module named '_ssl'/, from)
  client.close()
  const entries = serving.log().slice(from).trim().split('\n')
  const said = entries.map((line) => JSON.parse(line)).filter(({ stream }) => stream === 'stderr')
  expect(said).toHaveLength(1)
  expect(said[0]).toMatchObject({ level: 50, tenant: 'site' })
  expect(said[0].msg).toMatch(
    /^Traceback \(most recent call last\):\n {2}File "[^\n]*isolation\.py", line .*\nModuleNotFoundError: [^\n]*$/s,
  )
})

test.skipIf(!has)('a file that changes is loaded anew, and one that is wrong says so', async () => {
  const folder = 'changing'
  const {
    client,
    serving,
    folder: root,
  } = await start('changing:application', { tenant: 'revalidate = "0"' })
  const write = (text: string): void => writeFileSync(join(root, `${folder}.py`), text)
  const page = (text: string): string =>
    `def application(environ, start_response):\n    start_response("200 OK", [("Content-Type", "text/plain")])\n    return [b"${text}"]\n`
  const missing = await client.get('')
  expect(missing.status).toBe(500)
  await serving.logged(
    /application cannot be loaded: Cannot import application \\"changing:application\\": ModuleNotFoundError: No module named 'changing', wanted/,
  )
  const until = async (wanted: string): Promise<void> => {
    for (let tries = 0; tries < 100; tries += 1) {
      const { body } = await client.get('')
      if (body.includes(wanted)) return
      await new Promise((wake) => setTimeout(wake, 100))
    }
    throw new Error(`no ${wanted}: ${serving.log()}`)
  }
  write(page('first'))
  await until('first')
  write(page('second, and longer'))
  expect((await client.get('')).body).toBe('second, and longer')
  write('def application(:\n')
  expect((await client.get('')).status).toBe(500)
  await serving.logged(
    /GUEST_NO_APPLICATION.*SyntaxError: invalid syntax \([^)]*changing\.py, line 1\), wanted [^\n]*\\nTraceback \(most recent call last\):\\n {2}File /,
  )
  client.close()
})

const COUNTING = `import os
PATH = os.environ["DATA"] + "/count"
at_import = open(PATH).read()

def application(environ, start_response):
    count = int(open(PATH).read()) + 1
    with open(PATH, "w") as file:
        file.write(str(count))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{at_import} {count}".encode()]
`

test.skipIf(!has)('what requests write is not what an application is made of', async () => {
  const { client, folder, serving } = await start('counting', { tenant: 'revalidate = "0"' })
  writeFileSync(join(folder, 'counting.py'), COUNTING)
  writeFileSync(join(folder, 'data/count'), '0')
  chmodSync(join(folder, 'data/count'), 0o666)
  const texts: string[] = []
  for (let count = 0; count < 3; count += 1) texts.push((await client.get('')).body)
  client.close()
  expect(texts, serving.log()).toEqual(['0 1', '0 2', '0 3'])
})

const LASTING = `import gc, json, sys, weakref
freed = []

class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        freed.append(self.name)

class Seen:
    pass

old, watched = Thing("of the import"), Seen()
reference = weakref.ref(watched)
numbers = {"one": 1, "two": [], "list": [1, 2]}

def counts():
    return [sys.getrefcount(one) for one in (None, Thing, numbers, numbers["list"], counts.__code__, "of the import")]

def application(environ, start_response):
    global old, watched
    before = counts()
    new = Thing("alone")
    del new
    first, second = Thing("in a circle"), numbers["list"]
    numbers["one"], numbers["two"] = numbers["one"] + 1, [numbers.pop("two")]
    first.itself, first.other = first, [first, second, Thing, numbers]
    del first
    several = [None, second] * 1000, (None,) * 1000
    after = counts()
    old = watched = None
    gc.collect()
    second.append(3)
    start_response("200 OK", [("Content-Type", "application/json")])
    said = {"freed": freed, "same": before == after, "seen": reference() is not None, "numbers": numbers, "length": len(several[0])}
    return [json.dumps(said).encode()]
`

/** A list in a list, as often as that. */
function nested(depth: number): unknown[] {
  return depth === 0 ? [] : [nested(depth - 1)]
}

test.skipIf(!has)('what the import has left stays, and what requests make is freed', async () => {
  const { client, folder, serving } = await start('lasting', { tenant: 'warm = ["/"]' })
  writeFileSync(join(folder, 'lasting.py'), LASTING)
  for (let count = 1; count <= 3; count += 1) {
    const { status, body } = await client.get('')
    expect(status, serving.log()).toBe(200)
    const runs = RUNS_AHEAD + 1
    expect(JSON.parse(body)).toEqual({
      freed: [
        ...['alone', 'of the import', 'in a circle'],
        ...Array.from({ length: runs - 1 }, () => ['alone', 'in a circle']).flat(),
      ],
      numbers: { one: 1 + runs, two: nested(runs), list: [1, 2, ...Array(runs).fill(3)] },
      ...{ same: true, seen: false, length: 2000 },
    })
  }
  client.close()
})

const MIXED = `import dis
import json

def joined(value):
    return value | value

kept = [joined(value) for value in range(3)]

def application(environ, start_response):
    all_joined = [joined(value) for value in (1, True, {"a": 2})]
    names = [one.opname for one in dis.get_instructions(joined, adaptive=True)]
    many = [[str(number)] * 3 for number in range(20000)]
    sums = sum(int(one) for three in many for one in three)
    del many[::2]
    kept.append("x" * len(many))
    text = b""
    for number in range(300):
        text += bytes(range(256)) * (number % 7)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([all_joined, [name for name in names if "BINARY" in name], sums, len(kept[-1]), len(kept), len(text)]).encode()]
`

test.skipIf(!has)(
  'more than a request has memory of its own, and code that cannot be specialised',
  async () => {
    const { client, folder, serving } = await start('mixed', { tenant: 'warm = ["/"]' })
    writeFileSync(join(folder, 'mixed.py'), MIXED)
    for (let count = 1; count <= 3; count += 1) {
      const { status, body } = await client.get('')
      expect(status, serving.log()).toBe(200)
      const joined = [1, true, { a: 2 }]
      const kept = 3 + RUNS_AHEAD + 1
      expect(JSON.parse(body)).toEqual([joined, ['BINARY_OP'], 599_970_000, 10_000, kept, 229_632])
    }
    client.close()
  },
)

const DEPENDENT = `import os
import dependency
import sqlite3

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    with sqlite3.connect(os.environ["DATA"] + "/hits.db") as hits:
        hits.execute("create table if not exists hit (path)")
        hits.execute("insert into hit values (?)", [environ["PATH_INFO"]])
        count = hits.execute("select count(*) from hit").fetchone()[0]
    return [f"{dependency.name} {environ['SCRIPT_NAME']}|{environ['PATH_INFO']} {os.getcwd()} {count}".encode()]
`

test.skipIf(!has)('a release: its route, its static files, its packages, a database', async () => {
  const top = 'store = "store"\n'
  const { client, folder, serving } = await start('tell:application', { top })
  const release = join(folder, 'release')
  for (const name of ['site-packages', 'static'])
    mkdirSync(join(release, name), { recursive: true })
  const files = {
    'shop.py': DEPENDENT,
    'site-packages/dependency.py': 'name = "a package"',
    'static/a.css': 'body {}',
    'wasm-fpm.json': JSON.stringify({
      ...{ runtime: 'python', app: 'shop', routes: ['/shop'] },
      static: { path: '/shop/static', folder: 'static' },
    }),
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(release, name), text)
  const config = join(folder, 'wasm-fpm.toml')
  const publish = ['publish', release, '--tenant', 'site', '--config', config]
  execFileSync(process.execPath, [...PROGRAM, ...publish])
  const texts: string[] = []
  for (const path of ['shop/a/b', 'shop', 'shop/static/a.css', 'shop/shop.py', 'else'])
    texts.push((await client.get(path)).body.slice(0, 60))
  client.close()
  expect(texts.slice(0, 4), serving.log()).toEqual([
    'a package /shop|/a/b /app 1',
    'a package /shop| /app 2',
    'body {}',
    'a package /shop|/shop.py /app 3',
  ])
  expect(texts[4], "the tenant's own application").toContain('{"')
})

test.skipIf(!has)('a script is a CGI program', async () => {
  const { client, folder, serving } = await start(undefined)
  mkdirSync(join(folder, 'cgi'))
  const script =
    'import os, sys, zoneinfo, beside\nprint("Content-Type: text/plain\\n")\nprint(__name__, os.getcwd(), os.environ["PATH_INFO"], beside.x)\nprint("said", file=sys.stderr)\nsys.exit(int(os.environ["QUERY_STRING"]))'
  writeFileSync(join(folder, 'cgi/a.py'), script)
  writeFileSync(join(folder, 'cgi/beside.py'), 'x = 1')
  const more = { PATH_INFO: '/more' }
  const answer = await client.get('cgi/a.py', '0', more)
  expect(answer, serving.log()).toMatchObject({
    status: 200,
    body: `__main__ ${folder}/cgi /more 1\n`,
  })
  await serving.logged(/"stream":"stderr","msg":"said"/)
  client.close()
})
