-- What a request leaves behind, draws, and breaks.
local cjson, lfs = require "cjson", require "lfs"

local seen, cache, kept = {}, {}, nil
local log = assert(io.open(os.getenv "DATA" .. "/log.txt", "a"))
log:write "loaded\n"

-- 9, 40 and 400 letters: Lua hashes strings of more than 40 another way.
local function order(length)
  local names, keys = {}, {}
  for letter in ("abcdefghijklmnopqrstuvwxyz"):gmatch "." do names[letter:rep(length)] = true end
  for name in pairs(names) do keys[#keys + 1] = name:sub(1, 1) end
  return table.concat(keys)
end

local drawn = {}
function drawn.all()
  local name = os.tmpname()
  local first = math.random(0)
  math.randomseed()
  return {
    random = tostring(first), again = tostring(math.random(0)), short = order(9), middle = order(40), long = order(400),
    address = tostring {}, named = ("%p"):format(drawn), temporary = name,
  }
end

-- Whether anything is there of a request before, and then leaves all of it. The names are those of the other languages.
local function left(env)
  local found = {
    state = #seen > 0, cache = next(cache) ~= nil, global = rawget(_G, "made_up") ~= nil, interned = cjson.null, modules = package.loaded.made_up ~= nil, ["local"] = cjson.null,
    patched = string.made_up ~= nil or ("").made_up ~= nil, defined = getmetatable(_G) ~= nil, environment = cjson.null, path = package.path:find("made-up", 1, true) ~= nil,
    folder = lfs.currentdir() == "/tmp", temporary = io.open "/tmp/left.txt" ~= nil, open = kept ~= nil or io.input() ~= io.stdin, handler = debug.gethook() ~= nil,
    settings = not collectgarbage "isrunning", query = os.getenv "QUERY_STRING" ~= env.QUERY_STRING,
  }
  assert(io.type(log) == "closed file")
  seen[#seen + 1] = 1
  cache[1] = 1
  made_up = setmetatable({}, { __gc = function() io.stderr:write "at exit" end })
  package.loaded.made_up = {}
  string.made_up = print
  setmetatable(_G, { __index = function(_, name) return name end })
  getmetatable("").__index = setmetatable({}, { __index = string })
  lfs.chdir "/tmp"
  kept = io.open("/tmp/left.txt", "w")
  kept:write "never closed"
  debug.sethook(function() end, "l")
  io.input "/tmp/left.txt"
  package.path = "made-up"
  collectgarbage "stop"
  local asked = io.open(os.getenv "DATA" .. "/log.txt", "a")
  asked:write "asked\n"
  return found
end

local breaks = {}
function breaks.loop() while true do end end
function breaks.coroutine() coroutine.wrap(function() while true do end end)() end
function breaks.caught() while true do pcall(function() while true do pcall(error) end end) end end
function breaks.memory()
  local all = {}
  for at = 1, math.huge do all[at] = ("x"):rep(1 << 20) .. at end
end
function breaks.doubling()
  local text = "x"
  while true do text = text .. text end
end
local function recurse() return 1 + recurse() end
breaks.recursion = recurse
function breaks.calls()
  local nested = setmetatable({}, {})
  getmetatable(nested).__index = function(self, name) return self[name .. "x"] end
  return nested.x
end
function breaks.parser() return assert(load("return " .. ("("):rep(5000) .. (")"):rep(5000))) end
function breaks.data() return cjson.decode(("["):rep(100000)) end
function breaks.regex() return ("a"):rep(40):find(("a?"):rep(40) .. ("a*"):rep(40) .. "b") end
function breaks.exit() os.exit(3) end
function breaks.finalizer()
  setmetatable({}, { __gc = function() while true do end end })
  collectgarbage()
end
function breaks.thrown() error { code = 1 } end
function breaks.native() require "needs_native" end
function breaks.missing() require "socket" end
function breaks.process() return assert(os.execute "true") end
function breaks.popen() return io.popen "true" end
function breaks.header() return 200, { ["X-A"] = "a\r\nSet-Cookie: b=1" } end
function breaks.status() return nil, {} end
function breaks.closed() log:write "it is not open any more" end
function breaks.late()
  return 200, { ["Content-Type"] = "text/plain" }, coroutine.wrap(function()
    coroutine.yield(("x"):rep(2000000))
    error "when a part is out"
  end)
end

return function(env)
  print "printed"
  local name = env.PATH_INFO:sub(2)
  if breaks[name] then return breaks[name]() end
  local answer = name == "left" and left(env) or drawn.all()
  return 200, { ["Content-Type"] = "application/json" }, coroutine.wrap(function() coroutine.yield(cjson.encode(answer)) end)
end
