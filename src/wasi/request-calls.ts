/** The request's ends, which preview 1 has no words for (module `wasm_fpm`: finish_request, filter_input). */
import { type CallContext, FILE_WORK } from './call-context.ts'
import { Errno } from './errno.ts'

/** What `filter_input` makes of descriptor 0. */
const Input = { Stdin: 0, Data: 1 } as const

export const REQUEST_CALLS = {
  /**
   * Ends the answer, with this status of the application, and the input: the web server has all that there is, and the guest goes on.
   * What it prints from here on is dropped.
   *
   * INVAL: it has been ended before, or there is none.
   */
  finish_request: (host: CallContext) => (status: number) => {
    host.enter()
    host.charge(FILE_WORK)
    if (host.grants.finish?.(status >>> 0) !== true) return Errno.INVAL
    host.endInput()
    return Errno.SUCCESS
  },

  /**
   * What descriptor 0 reads from here on: FCGI_STDIN up to its own end (0), or FCGI_DATA (1), which a Filter has behind it. What is left
   * of the one before is passed over.
   *
   * INVAL: no such input: the request is no Filter's and FCGI_DATA is asked for, or FCGI_DATA has been already
   */
  filter_input: (host: CallContext) => (input: number) => {
    host.enter()
    if (input !== Input.Stdin && input !== Input.Data) return Errno.INVAL
    const isData = input === Input.Data
    const hasIt = host.grants.selectInput?.(isData) ?? !isData
    if (!hasIt) return Errno.INVAL
    host.restartInput()
    return Errno.SUCCESS
  },
}
