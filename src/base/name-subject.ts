/** Puts the name of a module into messages of those who were handed its bytes only. */
import { CodedError } from './errors.ts'

const NAMELESS = /^(Cannot \w+) (?:WebAssembly module|component):/

/** Does `work` with the bytes of what is called `name`; what it throws says so: "Cannot read FILE: ...". */
export function nameSubject<Result>(name: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw named(error, name)
  }
}

function named(error: unknown, name: string): unknown {
  if (!(error instanceof CodedError) || !NAMELESS.test(error.message)) return error
  const { code, details } = error
  const message = error.message.replace(NAMELESS, (_, doing: string) => `${doing} ${name}:`)
  return new CodedError(code, message, { cause: error, details })
}
