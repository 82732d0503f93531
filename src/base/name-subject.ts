/** Gives messages of those who were handed the bytes of a module only the name of it. */
import { SubjectError } from './errors.ts'

/** Does `work` with the bytes of what is called `name`; what it throws says so: "Cannot read FILE: ...". */
export function nameSubject<Result>(name: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw error instanceof SubjectError ? error.named(name) : error
  }
}
