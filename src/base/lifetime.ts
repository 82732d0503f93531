/** How long an instance of a handler lives (`lifetime`): the tenant's, the handler's or its release's. */

/**
 * - `reset`: put back to its first state after every request; a guest cannot tell it from a new one.
 * - `fresh`: a new one for every request.
 * - `persistent`: kept as the last request left it, for `max_requests`.
 */
export type Lifetime = 'reset' | 'fresh' | 'persistent'
