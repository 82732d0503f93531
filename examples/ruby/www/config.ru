# A Rack application: all paths of the tenant are its own.
requests = 0

run(lambda do |env|
  requests += 1
  name = env["QUERY_STRING"][/name=([\w ]+)/, 1] || "you"
  text = "Hello, #{name}! This is Ruby #{RUBY_VERSION}, at #{env["PATH_INFO"]}.\nIt is request #{requests} of this process.\n"
  [200, { "content-type" => "text/plain" }, [text]]
end)
