/** An application that is visited on both sides: each answer is the same, or listed as different with a reason. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Answer } from './http-client.ts'
import { type PhpSides, type Side, type SidesOptions, startPhpSides } from './php-sides.ts'
import { SIDES, type Visit, Visitors } from './visitors.ts'

/** What is another each time, by what stands for it. */
export type Volatile = readonly (readonly [RegExp, string])[]

interface Difference {
  /** Its name. */
  readonly visit: string
  readonly reason: string
  /** What each side's page has in the same place; all else is the same. */
  readonly says: Readonly<Record<Side, string>>
}

interface Application {
  readonly name: string
  readonly root: string
  readonly visits: readonly Visit[]
  readonly differences: readonly Difference[]
  readonly volatile: Volatile
  /** Where each side has a folder of its own, by the name of that. */
  readonly places: Readonly<Record<string, string>>
  /** Fills the folders of one side. */
  prepare(own: string, side: Side, folder: string): void
  /** Of nginx and the tenant. `folder`: of both, goes at the end. */
  options(folder: string): Promise<SidesOptions>
  stop?(): Promise<void>
  /** What is to be the same after all visits. */
  left?(own: string): unknown
}

/** Fields that are named, not looked at: times, ids, and how the body is cut. */
const VOLATILE_FIELDS = [
  'date',
  'connection',
  'x-request-id',
  'transfer-encoding',
  'content-length',
]

const FILES = `
      fastcgi_pass BACKEND;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;`

export function locations(index: string, otherwise: string): string {
  return `
    index ${index};
    location / { try_files $uri $uri/ ${otherwise}; }
    location ~ [.]php(/|$) {${FILES}
    }`
}

export function plain(text: string, volatile: Volatile): string {
  return volatile.reduce((changed, [pattern, name]) => changed.replaceAll(pattern, name), text)
}

function comparable({ status, headers, text, ending }: Answer, volatile: Volatile): unknown {
  const kept = Object.entries(headers).filter(([name]) => !VOLATILE_FIELDS.includes(name))
  /** Who it is, and when it was made. */
  const withoutIds = (name: string, value: string | string[] | undefined): string =>
    ['etag', 'last-modified'].includes(name)
      ? 'HAS'
      : plain(String(value), volatile)
          .replaceAll(/((?:^|,)\w+)=(?!deleted)[^;]+/g, '$1=ID')
          // Seconds from now, by the clock of each; beside Max-Age, which is compared.
          .replaceAll(/expires=[^;]+(?=; Max-Age=[1-9])/g, 'expires=THEN')
  return {
    status,
    ending,
    fields: kept.map(([name, value]) => `${name}: ${withoutIds(name, value)}`),
    lines: plain(text, volatile).split('\n'),
  }
}

export function describeApplication(application: Application, hasAll: boolean): void {
  const { name, root, visits, differences, volatile, places } = application
  let folder = ''
  let sides: PhpSides | undefined
  let visitors: Visitors

  beforeAll(async () => {
    if (!hasAll) return
    folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-application-'))
    chmodSync(folder, 0o755)
    for (const side of SIDES) {
      const own = join(folder, side)
      for (const place of ['', ...Object.values(places)]) {
        mkdirSync(join(own, place), { recursive: true })
      }
      application.prepare(own, side, folder)
      execFileSync('chown', ['-R', 'www-data:www-data', own])
    }
    const own = Object.entries(places).map(([path, place]) => [
      path,
      {
        'php-fpm': join(folder, 'php-fpm', place),
        'wasm-fpm': join(folder, 'wasm-fpm', place),
      },
    ])
    sides = await startPhpSides(root, {
      ...(await application.options(folder)),
      places: Object.fromEntries(own),
    })
    visitors = new Visitors(sides.ports)
  })
  afterAll(async () => {
    await sides?.stop()
    await application.stop?.()
    if (folder !== '') rmSync(folder, { recursive: true })
  })

  describe.skipIf(!hasAll)(name, { retry: 0 }, () => {
    for (const visit of visits) {
      const { path, name: visitName = path } = visit
      test(visitName, async () => {
        // Applications tell changes apart by seconds.
        if (visit.isLater) await delay(1000)
        const { answers } = await visitors.visit(visit)
        const known = differences.find((difference) => difference.visit === visitName)
        for (const side of SIDES) {
          expect(answers[side].text, known?.reason).toContain(known?.says[side] ?? '')
        }
        const { 'php-fpm': native, 'wasm-fpm': own } = answers
        const { says } = known ?? {}
        const same = says ? own.text.replace(says['wasm-fpm'], says['php-fpm']) : own.text
        const expected = comparable(native, volatile)
        expect(comparable({ ...own, text: same }, volatile), sides?.logs().slice(-2000)).toEqual(
          expected,
        )
        const { status, text } = native
        expect(text).toContain(visit.has ?? '')
        expect(status).toBe(visit.status ?? 200)
      })
    }

    test('the differences are those of visits', () => {
      const names = visits.map(({ path, name: visitName = path }) => visitName)
      expect(names).toEqual(expect.arrayContaining(differences.map(({ visit }) => visit)))
    })

    const { left } = application
    if (left === undefined) return
    test('what is left on disk', () => {
      const [native, own] = SIDES.map((side) => left(join(folder, side)))
      expect(own).toEqual(native)
    })
  })
}
