/** Which variables of a configuration are passwords and keys, as far as their names and values tell. */

/** Anywhere in a name, which may be one word (`DBPASSWORD`). */
const PARTS = /passw|passphrase|secret|token|credential|api_?key|private/i
/** A word of a name: a part of other words (`KEYBOARD`, `AUTHOR`) is none. `PWD` alone is a folder. */
const WORDS = /(?:^|_)(?:pass|pw|key|auth|salt|dsn)(?:_|$)|_pwd(?:_|$)|^pwd_/i
/** `postgres://user:password@host`, `redis://:password@host`. */
const LOGIN = /:\/\/[^/?#\s]*:[^/?#\s]+@/
/** `host=db;password=...`, `tcp://redis?auth=...`. */
const SETTING = /(?:^|[\s;,?&])(?:password|passwd|pass|pwd|auth|secret|token|api_?key)=/i

/** A value that is taken for a secret and is none does no harm. */
export function looksSecret(name: string, value: string): boolean {
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/[^A-Za-z0-9]/g, '_')
  return PARTS.test(words) || WORDS.test(words) || LOGIN.test(value) || SETTING.test(value)
}
