#!/usr/bin/env ruby
# A CGI script, run by this machine's Ruby as well, which is an older one.
require "digest"
require "erb"
require "json"
require "set"
require "stringio"
require "time"
require "zlib"
require_relative "beside"

print "Status: 201 Created\r\nContent-Type: text/plain; charset=utf-8\r\nX-Beside: #{BESIDE}\r\n\r\n"
puts File.basename($0), ARGV.inspect, __FILE__ == $0, File.basename(Dir.pwd)
%w[REQUEST_METHOD QUERY_STRING CONTENT_LENGTH CONTENT_TYPE PATH_INFO HTTP_COOKIE NOT_THERE].each { |name| puts "#{name} #{ENV[name].inspect}" }
body = $stdin.read
puts body.bytesize, body[0, 40], $stdin.read.inspect, $stdin.gets.inspect

puts 2**100, 7 / 2, -7 % 3, 10.0 / 3, 1e100, 0.1 + 0.2, 3.7.round, Rational(1, 3), Complex(1, 2), Integer.sqrt(10**20)
puts "héllo".size, "héllo".bytesize, "héllo".upcase, "%05.2f|%-6s|%x" % [Math::PI, "ab", 255], "a,b,,c".split(",").inspect, "key=value".match(/(?<k>\w+)=(?<v>\w+)/)[:v]
puts [3, 1, 2].sort.inspect, (1..10).each_slice(3).map(&:sum).inspect, { a: 1, "b" => [nil, true] }.to_a.inspect, Set[1, 2, 2].size, %w[x y].each_with_index.to_a.inspect
puts JSON.generate({ a: [1, 2.5, nil, "é"] }), JSON.parse('{"x":[1,{"y":null}]}').inspect.gsub(" ", "").gsub(":", "").gsub("=>", ""), ERB.new("<%= 1 + 1 %>").result
puts Digest::SHA256.hexdigest("x"), Digest::MD5.hexdigest("x"), Zlib::Inflate.inflate(Zlib::Deflate.deflate("y" * 1000)).size, ["abc"].pack("m"), [1, 2].pack("nN").unpack("nN").inspect
puts Time.at(1_700_000_000).utc.iso8601, Time.parse("2024-02-29 12:00 UTC").to_i, Time.gm(2024, 2, 29).strftime("%a %d %b %Y %j")
fiber = Fiber.new { |x| y = Fiber.yield(x + 1); y * 2 }
puts fiber.resume(1), fiber.resume(5), [1, 2, 3].lazy.map { |x| x * 2 }.first(2).inspect, Enumerator.new { |y| y << 1 << 2 }.next
begin
  raise ArgumentError, "wrong"
rescue => error
  puts error.class, error.message, error.backtrace.first.sub(/.*\//, "")[/\A\w+\.rb:\d+/]
ensure
  puts "ensured"
end
puts catch(:done) { 10.times { |x| throw :done, x if x == 3 }; :never }
Point = Struct.new(:x, :y) { def dist = Math.hypot(x, y) }
puts Point.new(3, 4).dist, Point.new(1, 2) == Point.new(1, 2)
case [1, [2, 3]]
in [a, [b, *]]
  puts a + b
end
puts defined?(nope).inspect, [1, [2, [3]]].flatten.inspect, :sym.to_proc.call("x") rescue puts "no method"
file = "/tmp/tell-#{Random.new_seed}"
File.write(file, "one\ntwo\n")
puts File.readlines(file, chomp: true).inspect, File.size(file), File.stat(file).file?, File.delete(file), File.exist?(file)
puts((File.open("/not/there") rescue $!.class))
$stderr.puts "said"
