# What a request leaves behind, draws, and breaks.
require "json"
require "securerandom"
require "tempfile"

SEEN = []
CACHE = {}
ENDLESS = proc { loop {} }
File.write("#{ENV.fetch("DATA")}/log.txt", "loaded\n", mode: "a")

def drawn
  { random: rand, shuffled: (1..50).to_a.shuffle.join, own: Random.rand, hex: SecureRandom.hex, uuid: SecureRandom.uuid, urandom: Random.urandom(8).unpack1("H*") }
end

# Whether anything is there of a request before, and then leaves all of it. The names are those of the other languages.
def left
  found = {
    state: !SEEN.empty?, cache: !CACHE.empty?, global: !$made_up.nil?, interned: Symbol.all_symbols.any? { |one| one.name == "made_up_#{SEEN.class}" },
    modules: $LOADED_FEATURES.include?("made-up"), local: !Thread.current[:made_up].nil?, patched: "".respond_to?(:made_up) || JSON.instance_variable_defined?(:@made_up),
    defined: Object.const_defined?(:MadeUp), environment: ENV.key?("MADE_UP"), path: $LOAD_PATH.include?("made-up"), folder: Dir.pwd == "/tmp",
    temporary: File.exist?("/tmp/left.txt"), open: !$made_up.nil? || SEEN.frozen?, handler: trap("INT", "DEFAULT") != "DEFAULT", settings: Encoding.default_external != Encoding::UTF_8,
    query: ENV.key?("QUERY_STRING"),
  }
  SEEN << 1
  CACHE[1] = 1
  "made_up_#{SEEN.class}".to_sym
  $LOADED_FEATURES << "made-up"
  Thread.current[:made_up] = 1
  String.define_method(:made_up) { 1 }
  JSON.instance_variable_set(:@made_up, 1)
  Object.const_set(:MadeUp, 1)
  ENV["MADE_UP"] = "1"
  $LOAD_PATH << "made-up"
  Dir.chdir("/tmp")
  $made_up = File.open("/tmp/left.txt", "w")
  $made_up.write("never closed")
  trap("INT") { 1 }
  Encoding.default_external = Encoding::ISO_8859_1
  at_exit { warn "at exit" }
  SEEN.freeze
  File.write("#{ENV.fetch("DATA")}/log.txt", "asked\n", mode: "a")
  found
end

def recurse(depth = 0) = recurse(depth + 1) + 1

# In which order, and under which numbers, strings are kept.
def seed = { seed: "a".hash }

BREAKS = {
  "caught" => lambda {
    loop do
      10_000_000.times { nil }
      raise "caught"
    rescue Exception
      next
    end
  },
  "doubling" => -> { text = "x"; text += text while true },
  "integer" => -> { number = 3; number *= number while true },
  "parser" => -> { eval("(" * 3000 + ")" * 3000) },
  "data" => -> { Marshal.load("\x04\b".b + "[\x06".b * 200_000 + "0") },
  "finalizer" => -> { 1000.times { ObjectSpace.define_finalizer(Object.new, ENDLESS) }; GC.start; 1000.times { Object.new } },
  "loop" => -> { loop {} },
  "fiber" => -> { Fiber.new { nil while true }.resume },
  "memory" => -> { all = []; all << ("x" * (1 << 20)) while true },
  "recursion" => -> { recurse },
  "regex" => -> { Regexp.timeout = nil; ("a" * 40 + "b").match?(/\A(a|a|b?)*\1\z/) && nil while true },
  "raises" => -> { raise "boom" },
  "exit" => -> { exit 3 },
  "missing" => -> { require "not_there" },
  "thread" => -> { Thread.new { 1 }.join },
  "fork" => -> { fork },
  "process" => -> { system "true" },
  "output" => -> { `true` },
  "spawn" => -> { Process.spawn "true" },
  "popen" => -> { IO.popen "true" },
  "socket" => -> { require "socket" },
}.freeze

run(lambda do |env|
  puts "printed"
  name = env["PATH_INFO"].delete_prefix("/")
  BREAKS[name]&.call
  [200, { "Content-Type" => "application/json" }, [JSON.generate(name == "left" ? left : name == "seed" ? seed : drawn)]]
end)
