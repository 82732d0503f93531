/** As whom the guests of runtimes are told that they run: the user of this process, by name, as php-fpm tells it. */
import { userInfo } from 'node:os'

export function processUser(): Readonly<Record<string, string>> {
  try {
    const { username, homedir } = userInfo()
    return { USER: username, HOME: homedir }
  } catch {
    return {} // a number without a name
  }
}
