/** What `proc_exit` throws through the guest's frames. Not an Error: it carries no stack and is no failure. */

export class ExitSignal {
  /** `undefined`: the session is over, and what still runs has no business here. */
  readonly exitCode: number | undefined

  constructor(exitCode: number | undefined) {
    this.exitCode = exitCode
  }
}
