/** What must hold between the keys of `[[tenant.outbound]]`. */
import { MAX_SOCKET_PATH_BYTES } from '../base/listen-address.ts'
import { claim, duplicate, type Report, type Seen } from './rules.ts'
import type { OutboundTable } from './schema.ts'

export function checkOutbound(tables: readonly OutboundTable[], report: Report): void {
  const names: Seen = new Map()
  for (const [index, table] of tables.entries()) {
    const refuse = (key: string, message: string): void =>
      report(['outbound', index, key], 'CONFIG_BAD_VALUE', message)
    if (table.host !== undefined) checkHost(table, refuse)
    else if (table.unix !== undefined) {
      checkSocket(table, refuse)
      const owner = 'another entry'
      const refuseTwice = duplicate(report, ['outbound', index, 'name'])
      if (table.name !== undefined) claim(names, table.name, { owner, refuse: refuseTwice })
    } else refuse('host', 'is missing, wanted host and ports, or name and unix')
  }
}

type Refuse = (key: string, message: string) => void

function checkHost({ ports, protocol, ca, name, unix }: OutboundTable, refuse: Refuse): void {
  if (ports.length === 0) refuse('ports', 'is [], wanted at least one, such as [3306]')
  if (ca !== undefined && protocol !== 'tls') refuse('ca', 'is there, wanted protocol = "tls"')
  for (const [key, value] of Object.entries({ name, unix })) {
    if (value !== undefined) refuse(key, 'is there beside host, wanted an entry of its own')
  }
}

function checkSocket(table: OutboundTable, refuse: Refuse): void {
  const { name, unix = '', ports, protocol, methods, private: isPrivate, ca } = table
  if (name === undefined) refuse('name', 'is missing, wanted what guests call the socket')
  const bytes = Buffer.byteLength(unix)
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    refuse('unix', `has ${bytes} bytes, wanted at most ${MAX_SOCKET_PATH_BYTES}`)
  }
  const beside = {
    ports: ports.length > 0,
    protocol: protocol === 'tls',
    methods: methods.length > 0,
    private: isPrivate,
    ca,
  }
  for (const [key, value] of Object.entries(beside)) {
    if (value !== undefined && value !== false) refuse(key, 'is there beside unix, wanted host')
  }
}
