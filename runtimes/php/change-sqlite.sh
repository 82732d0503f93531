#!/bin/sh -e
# Offers SQLite's locks by flock under their name, in the folder of sqlite3.c.
line=$(grep -n 'UNIXVFS("unix-flock",' sqlite3.c | cut -d: -f1)
[ -n "$line" ] && sed -n "$((line - 1))p" sqlite3.c | grep -q '^#if SQLITE_ENABLE_LOCKING_STYLE$' || {
  echo "error: sqlite3.c has its locks by flock elsewhere" >&2
  exit 1
}
sed -i "$((line - 1))s/.*/#if 1/" sqlite3.c
