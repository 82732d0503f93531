/** Runs one of PHP's tests on one side. */
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { KeptAnswer } from '../fastcgi/kept-client.ts'
import { type Expectation, expectationOf, headersWanted } from './expectation.ts'
import type { PhptSide } from './phpt-sides.ts'
import { plainQuestion, questionOf } from './question.ts'
import type { Sections } from './test-file.ts'

/** Longer than either of them lets a request run, in milliseconds. */
const TIMEOUT_MS = 25_000

export interface Verdict {
  /** `skip`: the test says that it does not apply. `absent`: it wants an extension that is not there. */
  readonly kind: 'pass' | 'fail' | 'skip' | 'absent'
  /** What it says of it: the reason, or the output. */
  readonly detail: string
}

export class TestRun {
  readonly #side: PhptSide
  readonly #extensions: ReadonlySet<string>
  /** What the conditions of a folder said: many tests have the same. */
  readonly #conditions = new Map<string, string>()

  private constructor(side: PhptSide, extensions: ReadonlySet<string>) {
    this.#side = side
    this.#extensions = extensions
  }

  /** Asks it what extensions it has. */
  static async on(side: PhptSide): Promise<TestRun> {
    const script = "<?php echo strtolower(join(',', get_loaded_extensions()));"
    const { body } = await ask(side, 'extensions', { text: script })
    return new TestRun(side, new Set(body.split(',')))
  }

  /** `name`: of the file, below the root and without its ending. */
  async verdictOf(name: string, sections: Sections): Promise<Verdict> {
    const missing = (sections.get('EXTENSIONS') ?? '')
      .split(/\s+/)
      .filter((wanted) => wanted !== '' && !this.#extensions.has(wanted.toLowerCase()))
    if (missing.length > 0) return { kind: 'absent', detail: missing.join(', ') }
    const condition = sections.get('SKIPIF')?.trim() ?? ''
    if (condition !== '') {
      const body = await this.#conditionOf(name, condition)
      if (/^\s*skip/i.test(body)) return { kind: 'skip', detail: body.trim() }
      if (/^\s*xfail/i.test(body)) return { kind: 'fail', detail: body.trim() }
    }
    const answer = await ask(this.#side, name, { text: sections.get('FILE') ?? '', sections })
    const cleaning = sections.get('CLEAN')?.trim() ?? ''
    if (cleaning !== '') await ask(this.#side, `${name}.clean`, { text: cleaning })
    return judge(answer, sections)
  }

  async #conditionOf(name: string, condition: string): Promise<string> {
    const key = `${dirname(name)} ${condition}`
    const known = this.#conditions.get(key)
    if (known !== undefined) return known
    const { body } = await ask(this.#side, `${name}.skip`, { text: condition })
    this.#conditions.set(key, body)
    return body
  }
}

interface Script {
  readonly text: string
  readonly sections?: Sections
}

async function ask({ root, client }: PhptSide, name: string, script: Script): Promise<KeptAnswer> {
  const file = join(root, `${name}.php`)
  writeFileSync(file, script.text, 'latin1')
  chmodSync(file, 0o666) // for the servers' user, as if it were its own
  const place = { root, script: file }
  const { sections } = script
  const question = sections === undefined ? plainQuestion(place) : questionOf(sections, place)
  const answer = await client.ask(question, TIMEOUT_MS)
  rmSync(file, { force: true })
  return answer
}

function judge(answer: KeptAnswer, sections: Sections): Verdict {
  const { ending, body, fields } = answer
  const kind = ending === 'complete' && isExpected(body, sections) ? 'pass' : 'fail'
  const detail = ending === 'complete' ? body : `${ending}: ${body}`
  for (const [name, value] of headersWanted(sections))
    if (fields.get(name) !== value)
      return { kind: 'fail', detail: `${name}: ${fields.get(name)}\n\n${detail}` }
  return { kind, detail }
}

function isExpected(body: string, sections: Sections): boolean {
  const expectation = understood(sections)
  return expectation?.(body) ?? false
}

function understood(sections: Sections): Expectation | undefined {
  try {
    return expectationOf(sections)
  } catch {
    return undefined // a pattern that only PCRE has
  }
}
