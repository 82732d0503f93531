/** Who may connect, as `allowed_clients` names them. */
import { isIPv4, isIPv6 } from 'node:net'

/** Whether `text` is an IP address or a network such as `10.0.0.0/8`. */
export function isClientRange(text: string): boolean {
  const [, address = '', bits] = /^([0-9A-Fa-f.:]+)(?:\/([0-9]{1,3}))?$/.exec(text) ?? []
  const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1
  return Number(bits ?? 0) <= most
}
