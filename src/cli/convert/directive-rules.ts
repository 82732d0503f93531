/**
 * Every directive of php-fpm 8.4 (sapi/fpm/fpm/fpm_conf.c; 18 global ones, 42 of pools and 6 arrays): which key of ours says
 * the same, or why none does.
 */
import * as read from './readers.ts'

/** The table of our configuration that a key belongs to. */
export type Target = 'main' | 'log' | 'runtime' | 'pool' | 'tenant' | 'limits' | 'queue'

export type Rule =
  | { readonly target: Target; readonly key: string; readonly read: read.Reader }
  /** Why it has no meaning here. */
  | { readonly why: string }
  /** Read by the converter itself, on its way. */
  | { readonly special: 'env' | 'suppress' | 'prefix' | 'setting' | 'extensions' }

function to(target: Target, key: string, reader: read.Reader): Rule {
  return { target, key, read: reader }
}

function none(why: string): Rule {
  return { why }
}

const SYSTEMD = 'is for the service manager to set: see examples/systemd'
const SYSLOG = 'there is no syslog here: standard error goes to the journal under systemd'

export const GLOBAL_RULES: Readonly<Record<string, Rule>> = {
  pid: to('main', 'pid', read.path),
  error_log: to('main', 'error_log', read.logFile),
  log_level: to('log', 'level', read.text),
  log_limit: to('main', 'log_limit', read.integer),
  emergency_restart_threshold: to('main', 'emergency_restart_threshold', read.integer),
  emergency_restart_interval: to('main', 'emergency_restart_interval', read.duration),
  process_control_timeout: to('main', 'process_control_timeout', read.duration),
  'process.max': to('main', 'process_max', read.integer),
  'process.priority': none(`Nice= ${SYSTEMD}`),
  'syslog.ident': none(SYSLOG),
  'syslog.facility': none(SYSLOG),
  log_buffering: none('a line is always written whole'),
  daemonize: none(
    'wasm-fpm stays in the foreground; the service manager puts it in the background',
  ),
  rlimit_files: none(`LimitNOFILE= ${SYSTEMD}`),
  rlimit_core: none(`LimitCORE= ${SYSTEMD}`),
  'events.mechanism': none('the event loop chooses'),
  systemd_interval: none('the state is sent to systemd whenever it changes'),
  include: none('matches no file'),
}

export const POOL_RULES: Readonly<Record<string, Rule>> = {
  prefix: { special: 'prefix' },
  user: to('pool', 'user', read.text),
  group: to('pool', 'group', read.text),
  listen: to('pool', 'listen', read.listenAddress),
  'listen.backlog': to('pool', 'listen_backlog', read.backlog),
  'listen.owner': to('pool', 'listen_owner', read.text),
  'listen.group': to('pool', 'listen_group', read.text),
  'listen.mode': to('pool', 'listen_mode', read.listenMode),
  'listen.allowed_clients': to('pool', 'allowed_clients', read.commaList),
  'listen.acl_users': none(
    'sockets have an owner, a group and a mode: listen_owner, listen_group, listen_mode',
  ),
  'listen.acl_groups': none(
    'sockets have an owner, a group and a mode: listen_owner, listen_group, listen_mode',
  ),
  'listen.setfib': none('is for FreeBSD'),
  'process.priority': none('all workers have the priority of the service'),
  'process.dumpable': none('workers are never dumpable by others'),
  pm: to('tenant', 'pm', read.text),
  'pm.max_children': to('tenant', 'max_children', read.integer),
  'pm.start_servers': to('tenant', 'start_servers', read.integer),
  'pm.min_spare_servers': to('tenant', 'min_spare_servers', read.integer),
  'pm.max_spare_servers': to('tenant', 'max_spare_servers', read.integer),
  'pm.max_spawn_rate': to('tenant', 'max_spawn_rate', read.integer),
  'pm.process_idle_timeout': to('tenant', 'process_idle_timeout', read.duration),
  'pm.max_requests': to('tenant', 'max_requests', read.integer),
  'pm.status_path': to('tenant', 'pm_status_path', read.text),
  'pm.status_listen': none(
    'the status page needs no instance: it answers on the same socket however busy the tenant is',
  ),
  'ping.path': to('tenant', 'ping_path', read.text),
  'ping.response': to('tenant', 'ping_response', read.text),
  'access.log': to('tenant', 'access_log', read.logFile),
  'access.format': to('tenant', 'access_format', read.accessFormat),
  'access.suppress_path': { special: 'suppress' },
  slowlog: to('tenant', 'slowlog', read.path),
  request_slowlog_timeout: to('tenant', 'request_slowlog_timeout', read.duration),
  request_slowlog_trace_depth: to('tenant', 'request_slowlog_trace_depth', read.integer),
  request_terminate_timeout: to('limits', 'wall', read.limitedDuration),
  request_terminate_timeout_track_finished: to(
    'tenant',
    'request_terminate_timeout_track_finished',
    read.flag,
  ),
  rlimit_files: to('limits', 'open_files', read.integer),
  rlimit_core: none(`LimitCORE= ${SYSTEMD}`),
  chroot: none(
    'guests see nothing of the machine but their root and their mounts, without a chroot',
  ),
  chdir: none('PHP goes to the folder of the script; other guests see their root at "/"'),
  catch_workers_output: none(
    'what guests write to standard error is always logged, with its request',
  ),
  decorate_workers_output: none('a log line has its own fields for where it comes from'),
  clear_env: none('guests inherit no environment: name what they need in env'),
  'security.limit_extensions': { special: 'extensions' },
  apparmor_hat: none(`AppArmorProfile= ${SYSTEMD}`),
  env: { special: 'env' },
  php_value: { special: 'setting' },
  php_flag: { special: 'setting' },
  php_admin_value: { special: 'setting' },
  php_admin_flag: { special: 'setting' },
  include: none('matches no file'),
}

/** Settings of PHP that are limits here, too. */
export const SETTING_RULES: Readonly<Record<string, Rule>> = {
  max_execution_time: to('limits', 'cpu', read.limitedDuration),
  post_max_size: to('limits', 'request_body', read.size),
}
