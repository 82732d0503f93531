-- What a request is: an application (WSAPI) that is called, or a script that is run. Given the functions of output.c, what makes a message of an error, and chdir.
local output, tell, chdir = ...
local getenv, stdin, stderr = os.getenv, io.stdin, io.stderr
local put, flush = output.put, output.flush

local FAILED = "Status: 500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\nInternal Server Error"
-- What a request ends with: in order, with an answer that says so, and with one that has broken off.
local GOOD, BAD, BROKEN = 0, 1, 2
-- Elsewhere than beside the program, in its folder: what luarocks makes with --tree lua_modules.
local FOLDERS = { "", "/lua_modules/share/lua/5.4" }
local places = package.path:gsub(";%./%?%.lua;%./%?/init%.lua$", "")

-- Where machine code would be, which is told from what is not there.
local native_places = package.cpath:gsub(";%./%?%.so$", "")

local application, root
local scripts = {}

local function search_in(folder)
  local path = {}
  package.cpath = folder .. "/?.so;" .. native_places
  for _, below in ipairs(FOLDERS) do
    path[#path + 1] = folder .. below .. "/?.lua;" .. folder .. below .. "/?/init.lua"
  end
  local named = getenv("LUA_PATH_5_4") or getenv("LUA_PATH")
  if named then
    named = ((";" .. named .. ";"):gsub(";;", ";" .. places:gsub("%%", "%%%%") .. ";"))
  end
  path[#path + 1] = named and named:match("^;*(.-);*$") or places
  package.path = table.concat(path, ";")
end

local function find_native(name)
  local found, message = package.searchpath(name, package.cpath)
  if not found then return message end
  error(("module '%s': %s is machine code, which this runtime cannot load, wanted a module in Lua"):format(name, found), 0)
end

package.searchers = { package.searchers[1], package.searchers[2], find_native }

local function is_callable(value)
  return type(value) == "function" or (getmetatable(value) or {}).__call ~= nil
end

-- As WSAPI has it: a function, or a table with one that is called `run`.
local function application_of(value)
  if is_callable(value) then return value end
  local run = type(value) == "table" and value.run
  return is_callable(run) and run or nil
end

-- A header's text: what would end the line is none.
local function check(text, what)
  local kind = type(text)
  if kind ~= "string" and kind ~= "number" then
    error(("%s is a %s, wanted a string"):format(what, kind), 0)
  end
  text = tostring(text)
  if text:find("[%z\1-\8\10-\31\127]") then
    error(("%s is '%s', wanted text without control characters"):format(what, (text:gsub("%c", "?"))), 0)
  end
  return text
end

local function put_header(name, value)
  if type(value) == "table" then
    for _, one in ipairs(value) do put_header(name, one) end
  else
    put(check(name, "a header's name"), ": ", check(value, "a header's value"), "\r\n")
  end
end

local input = {}
-- Without a number: all of it.
function input:read(count) return stdin:read(count or "a") end

local errors = {}
function errors:write(...) return stderr:write(...) end

-- Variables that a request has not are empty.
local variables = {
  __index = function(env, name)
    local value = type(name) == "string" and getenv(name) or ""
    if name == "PATH_INFO" and value == "" then value = "/" end
    rawset(env, name, value)
    return value
  end,
}

local function respond(run, folder)
  local env = setmetatable({ input = input, error = errors, APP_PATH = folder }, variables)
  input.length = tonumber(env.CONTENT_LENGTH) or 0
  local status, headers, parts = run(env)
  put("Status: ", check(status, "the status"), "\r\n")
  if type(headers) ~= "table" then error(("the headers are a %s, wanted a table"):format(type(headers)), 0) end
  for name, value in pairs(headers) do put_header(name, value) end
  put("\r\n")
  if parts == nil then return flush() end
  if not is_callable(parts) then error(("the answer is a %s, wanted a function that returns its parts"):format(type(parts)), 0) end
  for part in parts do
    put(part)
    -- Who makes an answer bit by bit wants each on its way.
    flush()
  end
  flush()
end

-- Whatever becomes of it, there is an answer.
local function answer(run, folder)
  output.drop()
  local good, message = xpcall(respond, tell, run, folder)
  if good then return GOOD end
  stderr:write("lua: ", message, "\n")
  if output.is_under_way() then
    pcall(flush)
    return BROKEN
  end
  output.drop()
  put(FAILED)
  flush()
  return GOOD
end

-- What is printed is no part of an answer.
local function print_to_log()
  io.stdout = stderr
  io.output(stderr)
  function print(...)
    local texts = table.pack(...)
    for at = 1, texts.n do texts[at] = tostring(texts[at]) end
    stderr:write(table.concat(texts, "\t"), "\n")
  end
end

local function folder_of(path) return path:match("^(.*)/[^/]*$") or "." end

local function run_script()
  local path = getenv("SCRIPT_FILENAME")
  local folder = folder_of(path)
  search_in(folder)
  chdir(folder)
  arg = { [0] = path }
  local script, message = scripts[path]
  if not script then script, message = loadfile(path) end
  if not script then
    stderr:write("lua: ", message, "\n")
    return BAD
  end
  local good, result = xpcall(script, tell)
  if not good then
    stderr:write("lua: ", result, "\n")
    return BAD
  end
  local run = application_of(result)
  return run and answer(run, folder) or GOOD
end

local functions = {}

-- `module`, or `module:function`.
function functions.load_application(app, folder)
  root = folder
  search_in(root)
  chdir(getenv("PWD") or root)
  print_to_log()
  local name, member = app:match("^([^:]*):?(.*)$")
  local loaded = require(name)
  local value = loaded
  if member ~= "" then
    if type(loaded) ~= "table" then error(("module '%s' is a %s, wanted a table with %s"):format(name, type(loaded), member), 0) end
    value = loaded[member]
  end
  application = application_of(value)
  if not application then
    error(("%s is a %s, wanted a function as WSAPI has it, or a table with one that is called run"):format(app, type(value)), 0)
  end
end

-- What cannot be compiled is left for the request that needs it.
function functions.load_scripts(paths)
  for path in paths:gmatch("[^\n]+") do scripts[path] = loadfile(path) end
end

function functions.rehearse()
  return application and answer(application, root) or GOOD
end

function functions.answer()
  return application and answer(application, root) or run_script()
end

return functions
