-- WSAPI as wasm-fpm has it, and a CGI script where the interpreter is started for each request.
local function hello(env)
  return 200, { ["Content-Type"] = "text/plain" }, coroutine.wrap(function() coroutine.yield("hello from " .. env.PATH_INFO .. "\n") end)
end

if os.getenv "AS_CGI" then
  local status, headers, parts = hello { PATH_INFO = os.getenv "PATH_INFO" }
  io.write("Status: ", status, "\r\n")
  for name, value in pairs(headers) do io.write(name, ": ", value, "\r\n") end
  io.write "\r\n"
  for part in parts do io.write(part) end
end

return hello
