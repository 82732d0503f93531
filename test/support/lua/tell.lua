#!/usr/bin/env lua5.4
-- A CGI script, run by this machine's Lua as well.
local beside = require "beside"

local function show(...)
  local texts = table.pack(...)
  for at = 1, texts.n do texts[at] = tostring(texts[at]) end
  io.write(table.concat(texts, " "), "\n")
end

io.write "Status: 201 Created\r\nContent-Type: text/plain; charset=utf-8\r\nX-Beside: "
print(beside.name .. "\r\n\r")
show(_VERSION, #arg, arg[0]:match "[^/]*$", select("#", ...))
for _, name in ipairs { "REQUEST_METHOD", "QUERY_STRING", "CONTENT_LENGTH", "CONTENT_TYPE", "PATH_INFO", "HTTP_COOKIE", "NOT_THERE" } do show(name, os.getenv(name)) end
local body = io.read "a"
show(#body, body:sub(1, 40), io.read "a", io.read "l")

show(math.maxinteger, math.pi, 2 ^ 53, 7 // 2, -7 % 3, 1 / 0, 3 | 4, "10" + 5, math.type(3.0), 1e15, 0x7fffffffffffffff + 1)
show(("%5.2f|%-6s|%q|%x|%g"):format(math.pi, "ab", 'a\n"b', 255, 1e100), ("héllo"):len(), utf8.len "héllo", utf8.char(228, 8364))
show(("key = value, other = thing"):gsub("(%w+) = (%w+)", "%2 = %1"), ("  trim "):match "^%s*(.-)%s*$", ("a,b,,c"):find(",,", 1, true))
show(table.concat({ 3, 1, 2 }, "-"), select("#", table.unpack({ 1, nil, 3 }, 1, 3)), #string.pack("i4z", 1, "ab"), string.unpack("<i4", "\1\2\0\0"))
show(os.time { year = 2024, month = 2, day = 29, hour = 12 }, os.date("!%Y-%m-%d %H:%M:%S", 86400 * 365), tostring(nil), #os.date())
local sorted = { "pear", "Apple", "fig", "10", "9" }
table.sort(sorted, function(a, b) return a:lower() < b:lower() end)
show(table.concat(sorted, " "))

local numbers = coroutine.wrap(function()
  for at = 1, 3 do
    local good, message = pcall(function() coroutine.yield(at) error("at " .. at) end)
    coroutine.yield(message)
  end
end)
show(numbers(), numbers(), numbers(), numbers())
show(pcall(error, { code = 7 }), select(2, pcall(error, "plain", 0)), select(2, pcall(function() local x = nil; return x.y end)))
show(select(2, xpcall(function() error "deep" end, function(message) return message:upper() end)))
do
  local closed <close> = setmetatable({}, { __close = function() show "closed" end })
  local fixed <const> = 5
  show("open", fixed)
end
goto done
show "never"
::done::
local collected = false
setmetatable({}, { __gc = function() collected = true end })
collectgarbage()
show(collected, collectgarbage "count" > 0, rawlen { 1, 2 }, next {}, type(load "return 1"))
local name = os.tmpname()
local file = assert(io.open(name, "w+"))
show(file:write("one\n", 2, "\nthree"):seek "set", file:read("l", "n", "L", "a"), file:seek "end", io.type(file), file:close(), io.type(file), os.remove(name))
show((select(2, io.open "/not/there")), (select(2, os.rename("/not/there", "/x"))))
show(os.execute(nil) ~= nil, pcall(require, "not_there") == false, debug.getinfo(1, "l").currentline)
io.stderr:write "said\n"
