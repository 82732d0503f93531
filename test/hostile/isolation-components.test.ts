/** Nothing of a request to a component is ever seen by a later one, and no handle of it leads anywhere, however it ended. */
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { compileCanaryHttp, forgeriesOf } from '../../guests/hostile/compile-canary-http.ts'
import { MAX_HANDLES } from '../../src/component/handle-table.ts'
import { MAPPED_BYTES } from '../../src/guest/snapshot.ts'
import { type Stage, setStage } from './stage.ts'

const PAGE_BYTES = 65_536
const TENANTS = ['hog', 'second', 'third']
/** Requests at once: some of them wait. */
const LANES = 6

/** Every request leaves about as many, and fewer. */
const NUMBERS = [
  ...Array.from({ length: 80 }, (_, number) => number),
  ...[MAX_HANDLES - 1, MAX_HANDLES, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1],
]
/** Handles that each request has before it forges others. */
const OWN = 2
/** Forgeries that handles of its own may be given to: the last ones. */
const OWN_FORGERIES = 5
/** The common ones more often. */
const ENDINGS = 'nnntnnugnt'
/** Every how many requests one loops, or waits for what never comes. */
const SLOW_EVERY = 60
/** How a request ends that does not answer: what was forged, and what it was told to do. */
const FORGED =
  /there is no handle|is of another resource|is nothing that can be waited for|unreachable|without finishing the body|waits for what nobody can bring/

/** `everyWay`: of each number, one way in so many is tried. */
const SHAPES = [
  { version: '0.2', pages: 2, hasTable: false, everyWay: 6 },
  { version: '0.2', pages: 5, hasTable: true, everyWay: 15 },
  { version: '0.3', pages: 5, hasTable: false, everyWay: 6 },
  { version: '0.3', pages: 2, hasTable: true, everyWay: 15 },
] as const

test('the sizes of canary components are on both sides of what is mapped', () => {
  const mapped = SHAPES.map(({ pages }) => pages * PAGE_BYTES >= MAPPED_BYTES)
  expect(new Set(mapped)).toEqual(new Set([true, false]))
})

/** What is asked of it: a letter, and a number behind it. */
interface Turn {
  readonly path: string
  readonly letter: string
}

/** Between requests that leave handles, each number is forged. */
function turnsOf({ version, everyWay }: (typeof SHAPES)[number]): Turn[] {
  const ways = forgeriesOf(version)
  const turns: Turn[] = []
  const add = (letter: string, number = 0) =>
    turns.push({ letter, path: `/${letter}${String(number).padStart(10, '0')}` })
  for (const [at, number] of NUMBERS.entries())
    for (let way = at % everyWay; way < ways; way += everyWay) {
      if (number > 0 && number <= OWN && way >= ways - OWN_FORGERIES) continue
      add(ENDINGS[turns.length % ENDINGS.length] ?? 'n')
      add(String.fromCharCode(FIRST_LETTER + way), number)
      if (turns.length % SLOW_EVERY === 0) add(turns.length % 8 === 0 ? 'l' : 'w')
    }
  return turns
}

const FIRST_LETTER = 65
/** A guest that waits has begun to by then, in milliseconds. */
const GIVEN_UP_AFTER_MS = 10
const isForgery = ({ letter }: Turn): boolean => letter < 'a'

test.each(SHAPES)(
  'wasi:http $version, $pages pages, a table: $hasTable: nothing of any request is seen by a later one, and no handle of it is there',
  async (shape) => {
    using stage = setStage({
      modules: { canary: await compileCanaryHttp(shape) },
      others: TENANTS.slice(1),
      keys: 'max_children = 2\nlifetime = "reset"',
      // However busy the machine is: one that waits is given up, and one that loops has had its time.
      limits: 'cpu = "20ms"\nwall = "10s"\nmemory = "2MiB"',
      queue: 'timeout = "30s"',
    })
    const turns = turnsOf(shape)
    let next = 0
    let answered = 0
    const lane = async (): Promise<void> => {
      for (let turn = next++; turn < turns.length; turn = next++) {
        if (await checkOne(stage, turns[turn] as Turn, turn)) answered += 1
        if (turn % 20 === 0) await new Promise(setImmediate)
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane))
    // Half of them are told to trap; of the others some are to fail.
    expect(answered).toBeGreaterThan(turns.length / 5)
    const traps = stage.log
      .filter(({ code, msg }) => code === 'OUTCOME_TRAPPED' && msg !== 'access')
      .map(({ msg }) => String(msg))
    for (const message of traps) expect(message).toMatch(FORGED)
    const forged = traps.filter((message) => message.includes('there is no handle'))
    expect(forged.length).toBeGreaterThan(turns.filter(isForgery).length / 2)
    // The same instances served again, or nothing would have been tested.
    for (const tenant of TENANTS) {
      const { resets = 0, instancesRenewed = 0 } =
        stage.gateway.scheduler.tenants.get(tenant)?.counters ?? {}
      expect(shape.hasTable ? instancesRenewed : resets).toBeGreaterThan(turns.length / 40)
    }
  },
  60_000,
)

/** Whether a whole answer came. */
async function checkOne(stage: Stage, { path, letter }: Turn, turn: number): Promise<boolean> {
  const tenant = TENANTS[turn % TENANTS.length] as string
  const secret = `!!canary-${tenant}-${turn}.`
  const body = `!!canary-body-${turn}.`
  const params: ReadonlyArray<readonly [string, string]> = [
    ['REQUEST_URI', path],
    ['HTTP_COOKIE', secret],
  ]
  const asked = { body: Buffer.from(body), params, isBodyOpen: letter === 'w' }
  const exchange = stage.begin(tenant, 'canary', asked)
  if (asked.isBodyOpen) {
    await setTimeout(GIVEN_UP_AFTER_MS)
    exchange.abort()
  }
  const reply = await exchange.reply
  const text = reply.body.toString('latin1')
  // All that begins as a secret does is its own.
  expect(text.replaceAll(secret, '').replaceAll(body, '')).not.toContain('canary')
  if (reply.status !== 200) return false
  const whole = `0 ${secret}${body}`
  if (!reply.isComplete) {
    expect(`${whole}${secret}`.startsWith(text)).toBe(true)
    return false
  }
  expect(text).toBe(whole)
  return true
}
