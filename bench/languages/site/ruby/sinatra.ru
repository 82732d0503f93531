# A page of Sinatra with a template of 60 rows, and one without.
require "sinatra/base"

class Pages < Sinatra::Base
  set :environment, :production
  disable :logging, :static
  get("/sinatra-text") { "hello, world\n" }
  get("/sinatra-page") { erb "<ul><% 60.times do |i| %><li class=\"row\"><%= i %>: <%= i * 1.5 %></li><% end %></ul>\n" }
end

run Pages
