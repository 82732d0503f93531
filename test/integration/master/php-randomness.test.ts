/** Nothing random repeats: requests of one PHP script, which all begin with the same memory, in several workers and instances. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { havePhpRuntime, PHP_RUNTIME } from '../../support/php-runtime.ts'
import { mostRepeats } from '../../support/repeats.ts'
import { Client, configText, makeFolder, serve } from './serve.ts'

const REQUESTS = 10_000
const WIDTH = 12

interface Source {
  /** What it gives in PHP, as text. */
  readonly code: string
  /** How many bits of it are random. */
  readonly bits: number
  /** Of so many requests one asks for it: those that take long. Default: each. */
  readonly every?: number
}

/** Bits of names that end in six of 62 letters. */
const LETTERS = 6 * Math.log2(62)
/** The number that `mt_rand` and all that builds on it begin with, in PHP 8.2. */
const SEED = 32

const SOURCES: Readonly<Record<string, Source>> = {
  session_create_id: { code: 'session_create_id()', bits: 130 },
  random_bytes: { code: 'bin2hex(random_bytes(16))', bits: 128 },
  random_int: { code: 'random_int(0, PHP_INT_MAX)', bits: 63 },
  mt_rand: { code: 'mt_rand()', bits: 31 },
  rand: { code: 'rand()', bits: 31 },
  'mt_rand in a range': { code: 'mt_rand(0, PHP_INT_MAX)', bits: SEED },
  shuffle: {
    code: '(function () { $a = range(1, 30); shuffle($a); return join($a); })()',
    bits: SEED,
  },
  str_shuffle: { code: 'str_shuffle("abcdefghijklmnopqrstuvwxyz")', bits: SEED },
  array_rand: { code: 'join(array_rand(range(0, 99), 20))', bits: SEED },
  'a Randomizer': { code: 'bin2hex((new Random\\Randomizer)->getBytes(16))', bits: 128 },
  'Engine\\Mt19937': { code: 'bin2hex((new Random\\Engine\\Mt19937)->generate())', bits: 32 },
  'Engine\\PcgOneseq128XslRr64': {
    code: 'bin2hex((new Random\\Engine\\PcgOneseq128XslRr64)->generate())',
    bits: 64,
  },
  'Engine\\Xoshiro256StarStar': {
    code: 'bin2hex((new Random\\Engine\\Xoshiro256StarStar)->generate())',
    bits: 64,
  },
  lcg_value: { code: 'var_export(lcg_value(), true)', bits: 31 },
  // Microseconds, of the ten seconds that this takes at least, and then some.
  uniqid: { code: 'uniqid()', bits: Math.log2(10e6) },
  'uniqid with more': { code: 'uniqid("", true)', bits: Math.log2(10e6) + 30 },
  tempnam: { code: 'basename(tempnam("/tmp", "a"))', bits: LETTERS },
  tmpfile: { code: 'stream_get_meta_data(tmpfile())["uri"]', bits: LETTERS },
  'process id': { code: 'getmypid()', bits: 22 },
  'random of SQLite': {
    code: '(new PDO("sqlite::memory:"))->query("select random()")->fetchColumn()',
    bits: 64,
    every: 20,
  },
  openssl_random_pseudo_bytes: { code: 'bin2hex(openssl_random_pseudo_bytes(16))', bits: 128 },
  'a key of OpenSSL': {
    code: 'openssl_pkey_get_details(openssl_pkey_new(["curve_name" => "prime256v1", "private_key_type" => OPENSSL_KEYTYPE_EC]))["key"]',
    bits: 128,
    every: 20,
  },
  'a key of sodium': { code: 'bin2hex(sodium_crypto_secretbox_keygen())', bits: 128 },
  'a pair of sodium': {
    code: 'bin2hex(sodium_crypto_sign_publickey(sodium_crypto_sign_keypair()))',
    bits: 128,
    every: 20,
  },
  'the salt of password_hash': {
    code: 'substr(password_hash("a", PASSWORD_BCRYPT, ["cost" => 4]), 7, 22)',
    bits: 126,
    every: 100,
  },
}

const SCRIPT = `<?php
$all = [];
${Object.entries(SOURCES)
  .map(
    ([name, { code, every = 1 }]) => `if ($_GET['n'] % ${every} === 0) $all['${name}'] = ${code};`,
  )
  .join('\n')}
echo json_encode($all);
`

test.skipIf(!havePhpRuntime())('10,000 requests from one snapshot', async () => {
  const folder = makeFolder()
  writeFileSync(join(folder, 'random.php'), SCRIPT)
  const serving = await serve({
    folder,
    config: configText(folder, {
      top: `[[runtime]]\nname = "php"\nmodule = "${PHP_RUNTIME}"\nextensions = [".php"]\n`,
      tenant:
        'runtimes = ["php"]\nwarm = ["/random.php?n=0"]\nmax_children = 8\npm_status_path = "/status"\naccess_log = "off"\nprocess_idle_timeout = "1m"',
    }),
  })
  const clients = Array.from({ length: WIDTH }, () => new Client(serving.socket))
  const values = new Map(Object.keys(SOURCES).map((name) => [name, [] as string[]]))
  let next = 0
  const ask = async (client: Client): Promise<void> => {
    while (next < REQUESTS) {
      const answer = await client.get('random.php', `n=${next++}`)
      expect(answer.status, serving.log()).toBe(200)
      for (const [name, value] of Object.entries(JSON.parse(answer.body)))
        values.get(name)?.push(String(value))
    }
  }
  await Promise.all(clients.map(ask))
  const status = await clients[0]?.get('status', 'json&full')
  for (const client of clients) client.close()

  for (const [name, { bits, every = 1 }] of Object.entries(SOURCES)) {
    const all = values.get(name) ?? []
    expect(all.length, name).toBe(Math.ceil(REQUESTS / every))
    const repeats = all.length - new Set(all).size
    expect(repeats, name).toBeLessThanOrEqual(mostRepeats(all.length, bits))
  }
  // Otherwise it would not have been several that began with the same.
  const { processes }: { processes: { pid: number }[] } = JSON.parse(status?.body ?? '')
  const workers = new Set(processes.map(({ pid }) => Math.floor(pid / 1e5)))
  expect(workers.size).toBe(2)
  expect(processes.length).toBeGreaterThan(2)
})
