# What a request leaves behind, draws, and breaks.
require "json"
require "securerandom"
require "tempfile"

SEEN = []
File.write("#{ENV.fetch("DATA")}/log.txt", "loaded\n", mode: "a")

def drawn
  { random: rand, shuffled: (1..50).to_a.shuffle.join, own: Random.rand, hex: SecureRandom.hex, uuid: SecureRandom.uuid, urandom: Random.urandom(8).unpack1("H*") }
end

# Whether anything is there of a request before, and then leaves all of it.
def left
  found = {
    seen: SEEN.size, global: !$made_up.nil?, constant: Object.const_defined?(:MadeUp), method: "".respond_to?(:made_up), environment: ENV.key?("MADE_UP"),
    path: $LOAD_PATH.include?("made-up"), cwd: Dir.pwd, local: !Thread.current[:made_up].nil?, file: File.exist?("/tmp/left.txt"), query: ENV.key?("QUERY_STRING"),
    variable: JSON.instance_variable_defined?(:@made_up), frozen: SEEN.frozen?,
  }
  SEEN << 1
  $made_up = 1
  Object.const_set(:MadeUp, 1)
  String.define_method(:made_up) { 1 }
  ENV["MADE_UP"] = "1"
  $LOAD_PATH << "made-up"
  Dir.chdir("/tmp")
  Thread.current[:made_up] = 1
  File.open("/tmp/left.txt", "w").write("never closed")
  JSON.instance_variable_set(:@made_up, 1)
  at_exit { warn "at exit" }
  SEEN.freeze
  File.write("#{ENV.fetch("DATA")}/log.txt", "asked\n", mode: "a")
  found
end

def recurse(depth = 0) = recurse(depth + 1) + 1

BREAKS = {
  "loop" => -> { loop {} },
  "fiber" => -> { Fiber.new { nil while true }.resume },
  "memory" => -> { all = []; all << ("x" * (1 << 20)) while true },
  "recursion" => -> { recurse },
  "regexp" => -> { Regexp.timeout = nil; ("a" * 40 + "b").match?(/\A(a|a|b?)*\1\z/) && nil while true },
  "raises" => -> { raise "boom" },
  "exit" => -> { exit 3 },
  "missing" => -> { require "not_there" },
  "thread" => -> { Thread.new { 1 }.join },
  "fork" => -> { fork },
  "system" => -> { system "true" },
  "output" => -> { `true` },
  "spawn" => -> { Process.spawn "true" },
  "popen" => -> { IO.popen "true" },
  "socket" => -> { require "socket" },
}.freeze

run(lambda do |env|
  puts "printed"
  name = env["PATH_INFO"].delete_prefix("/")
  BREAKS[name]&.call
  [200, { "Content-Type" => "application/json" }, [JSON.generate(name == "left" ? left : drawn)]]
end)
