/** The master's life: what it is busy with decides what it may be told to do next. */

/**
 *     normal <-> reloading
 *        \________/ \
 *            |       \
 *        finishing -> terminating
 *
 * Each is only ever overridden by a later one; a reload ends by itself.
 */
export type LifeState = 'normal' | 'reloading' | 'finishing' | 'terminating'

export type LifeEvent =
  /** SIGHUP, SIGUSR2, `wasm-fpm reload`, `restart`, `upgrade`. */
  | 'reload'
  /** The reload is over, well or badly. */
  | 'reloaded'
  /** SIGTERM, SIGQUIT; another master has taken over. */
  | 'finish'
  /** SIGINT, or the time to finish is up. */
  | 'terminate'

/** The state after `event`; undefined: the event changes nothing (it came twice, or too late). */
export function nextState(state: LifeState, event: LifeEvent): LifeState | undefined {
  switch (event) {
    case 'reload':
      return state === 'normal' ? 'reloading' : undefined
    case 'reloaded':
      return state === 'reloading' ? 'normal' : undefined
    case 'finish':
      return state === 'normal' || state === 'reloading' ? 'finishing' : undefined
    case 'terminate':
      return state === 'terminating' ? undefined : 'terminating'
  }
}
