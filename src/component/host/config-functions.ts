/** wasi:config (0.2.0-rc.1, and the draft before it): what the operator has set for the guest. */
import { NONE, ok, some } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { type Interface, plain } from './host-function.ts'

const settingOf = ({ settings }: ComponentHost, key: string) =>
  Object.hasOwn(settings, key) ? some(settings[key]) : NONE

/** Nothing of it fails. The drafts differ in whether it could. */
export const CONFIG: Interface = {
  get: [
    plain(
      '(string) -> result<option<string>, $config-error>',
      (host) => (key: string) => ok(settingOf(host, key)),
    ),
    plain('(string) -> option<string>', (host) => (key: string) => settingOf(host, key)),
  ],
  'get-all': [
    plain('() -> result<list<tuple<string, string>>, $config-error>', (host) => () => {
      return ok(Object.entries(host.settings))
    }),
    plain('() -> list<tuple<string, string>>', (host) => () => Object.entries(host.settings)),
  ],
}
