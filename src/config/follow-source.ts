/** A store of releases elsewhere: value of a key. */
import { text } from './config-key.ts'

export const followSource = text(
  '"dir:/PATH", or "https://HOST/PATH" (http:// on this machine only)',
  (value) =>
    /^dir:\/[^\0]*$/.test(value) ||
    (/^(?:https:|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])[:/])[^?#\s]*$/.test(value) &&
      URL.canParse(value)),
)
