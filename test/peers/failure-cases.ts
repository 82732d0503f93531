/**
 * Guests and requests that fail: the client gets a status that says so, never a hang, and never a whole 200
 * wherever the web server lets us prevent it.
 */
import { expect } from 'vitest'
import { askUntilAnswered } from '../support/peers/http-client.ts'
import { type PeerCase, TIGHT } from './case.ts'

/** Ways a guest fails before anything has left for the client: always a clean 500. */
const EARLY_FAILURES = [
  '/c/trap.wasm?when=before',
  '/c/trap.wasm?when=header',
  '/c/exit.wasm?when=before&code=3',
  '/c/exit.wasm?when=mid&code=3',
  '/c/respond.wasm?kind=noheader',
] as const

/** More than is ever held back, so that the header is long gone when the guest traps. */
const TRAP_BODY = '/c/trap.wasm?when=body&n=4000000'

const LARGE_VALUE = 'x'.repeat(30 * 1024)

export const FAILURE_CASES: readonly PeerCase[] = [
  {
    name: 'a guest that fails early is a clean 5xx',
    run: async ({ ask, languages }) => {
      const paths = languages.includes('rust') ? ['/rust/panic.wasm'] : []
      for (const path of [...EARLY_FAILURES, ...paths]) {
        const { status, ending } = await ask(path)
        expect({ path, status: status >= 500 && status <= 502, ending }).toEqual({
          path,
          status: true,
          ending: 'complete',
        })
      }
    },
  },
  {
    name: 'a guest that exits with an error after a whole answer has answered',
    run: async ({ ask }) => {
      const answer = await ask('/c/exit.wasm?when=after&code=3')
      expect(answer.ending).toBe('complete')
      expect([200, 500]).toContain(answer.status)
    },
  },
  {
    name: 'a guest that traps after its header went out is no clean 200',
    run: async ({ ask, traits }) => {
      const broken = await ask(TRAP_BODY)
      expect(broken.ending).not.toBe('hung')
      if (traits.noticesBrokenBody) expect(isCleanSuccess(broken)).toBe(false)
      const short = await ask(`${TRAP_BODY}&length=1`)
      expect(short.ending).not.toBe('hung')
      if (traits.noticesShortBody) expect(isCleanSuccess(short)).toBe(false)
    },
  },
  {
    name: 'a body that is not its Content-Length is no clean 200',
    run: async ({ ask, traits }) => {
      const short = await ask('/c/respond.wasm?kind=short')
      expect(short.ending).not.toBe('hung')
      if (traits.noticesShortBody) expect(isCleanSuccess(short)).toBe(false)
      const long = await ask('/c/respond.wasm?kind=long')
      if (isCleanSuccess(long)) expect(long.text).toBe('ans')
    },
  },
  {
    name: 'a guest that waits too long is a 504',
    run: async ({ ask }) => {
      const answer = await ask('/c/slow.wasm?delay=100000', { headers: TIGHT })
      expect(answer).toMatchObject({ status: 504, ending: 'complete' })
    },
  },
  {
    name: 'an unknown handler and an unknown host are a 404',
    run: async ({ ask }) => {
      expect(await ask('/c/none.wasm')).toMatchObject({ status: 404, ending: 'complete' })
      const headers = { Host: 'unknown.example' }
      expect(await ask('/c/hello.wasm', { headers })).toMatchObject({ status: 404 })
    },
  },
  {
    name: 'a body over the limit is a 413',
    run: async ({ ask, traits }) => {
      const body = new Uint8Array(1 << 20)
      const declared = await ask('/c/upload.wasm', { method: 'POST', headers: TIGHT, body })
      expect(declared.status).toBe(413)
      const question = { method: 'POST', headers: TIGHT, body: [body] }
      let chunked = await ask('/c/upload.wasm', question)
      // The web server may close while the body is still coming, and the reset overtakes its answer.
      for (let lost = 0; chunked.status === 0 && lost < 5; lost += 1)
        chunked = await ask('/c/upload.wasm', question)
      expect([413, ...traits.refusesChunked]).toContain(chunked.status)
    },
  },
  {
    name: 'an early answer to a big upload, and the next request after it',
    run: async ({ ask }) => {
      for (let round = 0; round < 3; round++) {
        const body = Buffer.alloc(4 << 20)
        const early = await ask('/c/early.wasm', { method: 'POST', body })
        expect(early).toMatchObject({ status: 200, text: 'answered early\n' })
        expect(await ask('/c/hello.wasm')).toMatchObject({ status: 200, ending: 'complete' })
      }
    },
  },
  {
    name: 'a client that stops sending its body at the first word of an early answer gets it whole',
    run: async ({ peer }) => {
      for (const path of ['/c/none.wasm', '/c/respond.wasm?kind=status&code=403']) {
        const { status, ending } = await askUntilAnswered(peer.port, path)
        expect({ path, is4xx: status >= 400 && status < 500, ending }).toEqual({
          path,
          is4xx: true,
          ending: 'complete',
        })
      }
    },
  },
  {
    name: 'headers that are too large are refused, both ways',
    run: async ({ ask, traits }) => {
      const answer = await ask('/c/respond.wasm?kind=large&n=50000')
      expect(answer.status).toBeGreaterThanOrEqual(500)
      // In ten fields, because Caddy cuts a longer value than 65,500 bytes.
      const fields = Array.from({ length: 10 }, (_, index) => [`X-Large-${index}`, LARGE_VALUE])
      const headers = Object.fromEntries(fields)
      expect(traits.largeHeader).toContain((await ask('/c/hello.wasm', { headers })).status)
    },
  },
]

function isCleanSuccess({ status, ending }: { status: number; ending: string }): boolean {
  return status === 200 && ending === 'complete'
}
