/** Why a guest's connection was refused, failed or was ended: in the log, and counted by tenant. */
export type OutboundCode =
  /** No entry of the tenant allows it. */
  | 'OUTBOUND_NOT_ALLOWED'
  /** The name leads to no address but such as its entry does not allow: private, loopback and the like. */
  | 'OUTBOUND_BAD_ADDRESS'
  /** The name leads nowhere. */
  | 'OUTBOUND_UNKNOWN_NAME'
  /** The peer, or the network, did not take the connection. */
  | 'OUTBOUND_CONNECT_FAILED'
  /** The peer's certificate is not good for its name, or it does not speak TLS. */
  | 'OUTBOUND_TLS_FAILED'
  /** Name, connection and TLS together took longer than `limits.outbound_connect`. */
  | 'OUTBOUND_CONNECT_TIMEOUT'
  /** The request has `limits.outbound` connections. */
  | 'OUTBOUND_REQUEST_FULL'
  /** The tenant has `limits.outbound_tenant` connections. */
  | 'OUTBOUND_TENANT_FULL'
  /** Nothing came or went for `limits.outbound_idle`. */
  | 'OUTBOUND_IDLE'
  /** It has been open for `limits.outbound_time`. */
  | 'OUTBOUND_TOO_LONG'
  /** The request has sent `limits.outbound_sent`. */
  | 'OUTBOUND_TOO_MUCH_SENT'
  /** The request has received `limits.outbound_received`. */
  | 'OUTBOUND_TOO_MUCH_RECEIVED'
