#!/usr/bin/lua5.4
dofile((os.getenv("SCRIPT_FILENAME"):gsub("cgi$", "lua")))
