/** How an application is named that answers all requests: in configurations and in manifests. Its runtime knows what that means. */

export const APP_WANTED =
  'a name that the runtime knows, of at most 255 characters, such as "shop.wsgi:application"'

export function isAppName(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,255}$/.test(value)
}
