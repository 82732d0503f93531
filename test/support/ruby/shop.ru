require "sinatra/base"

class Shop < Sinatra::Base
  set :environment, :production
  set :sessions, secret: "x" * 64
  get("/") { "Hello #{params["name"]}" }
  post("/form") { "#{params["a"]} #{params["file"]&.fetch(:tempfile)&.read&.size}" }
  get("/page") { erb "<ul><% 60.times do |i| %><li><%= i %></li><% end %></ul>" }
  get("/to") { redirect "/page" }
  get("/log-in") { session["user"] = params["user"]; "in" }
  get("/who") { session["user"].inspect }
  get("/stream") { stream { |out| 3.times { |i| out << "part #{i}\n" } } }
  get("/fail") { raise "boom" }
end

run Shop
