-- What a request leaves behind, draws, and breaks.
local cjson, lfs = require "cjson", require "lfs"

local seen, kept = {}, nil
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

-- Whether anything is there of a request before, and then leaves all of it.
local function left()
  local found = {
    seen = #seen, global = made_up ~= nil, module = package.loaded.made_up ~= nil, method = ("").made_up ~= nil, library = string.made_up ~= nil,
    environment = getmetatable(_G) ~= nil, cwd = lfs.currentdir(), temporary = io.open "/tmp/left.txt" ~= nil, kept = kept ~= nil,
    hook = debug.gethook() ~= nil, input = io.input() ~= io.stdin, log = io.type(log), path = package.path:find("made-up", 1, true) ~= nil,
    collector = collectgarbage "isrunning",
  }
  seen[#seen + 1] = 1
  made_up = 1
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
function breaks.json() return cjson.decode(("["):rep(100000)) end
function breaks.pattern() return ("a"):rep(40):find(("a?"):rep(40) .. ("a*"):rep(40) .. "b") end
function breaks.exit() os.exit(3) end
function breaks.thrown() error { code = 1 } end
function breaks.native() require "needs_native" end
function breaks.missing() require "socket" end
function breaks.process() return assert(os.execute "true") end
function breaks.pipe() return io.popen "true" end
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
  local answer = name == "left" and left() or drawn.all()
  return 200, { ["Content-Type"] = "application/json" }, coroutine.wrap(function() coroutine.yield(cjson.encode(answer)) end)
end
