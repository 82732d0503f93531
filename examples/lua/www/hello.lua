-- A WSAPI application: all paths of the tenant are its own.
local cjson = require "cjson"

local requests = 0

local function greet(env)
  requests = requests + 1
  local name = env.QUERY_STRING:match("name=([%w ]+)") or "you"
  return ("Hello, %s! This is %s, at %s.\nIt is request %d of this process.\n"):format(name, _VERSION, env.PATH_INFO, requests)
end

return function(env)
  if env.PATH_INFO == "/json" then
    return 200, { ["Content-Type"] = "application/json" }, coroutine.wrap(function()
      coroutine.yield(cjson.encode { hello = "you", path = env.PATH_INFO })
    end)
  end
  local text = greet(env)
  return 200, { ["Content-Type"] = "text/plain" }, coroutine.wrap(function() coroutine.yield(text) end)
end
