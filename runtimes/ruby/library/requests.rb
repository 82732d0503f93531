# frozen_string_literal: true

require "stringio"

# What a request is: a Rack application that is called, or a script that is run. Each method is given the environment, as digits.
module WasmFpm
  FAILED = "Status: 500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\nInternal Server Error"
  GATHERED_BYTES = 65_536
  # Where a tenant's packages are, below its root: what `gem install --install-dir vendor` makes, and what is not in a folder of its own.
  # (What lies below /usr is the runtime's own, whatever is mounted there.)
  PACKAGES = ["lib", "vendor/gems/*/lib", "vendor/ruby"].freeze
  OUT = IO.for_fd(1, "wb", autoclose: false)
  OUT.sync = true

  # An answer, gathered until it is worth a write, or has to go.
  class Answer
    attr_reader :under_way

    def initialize
      @gathered = String.new(capacity: GATHERED_BYTES)
      @under_way = false
    end

    def <<(part)
      @gathered << part.b
      flush if @gathered.bytesize > GATHERED_BYTES
      self
    end

    def flush
      return if @gathered.empty?

      @under_way = true
      OUT.write(@gathered)
      @gathered.clear
    end
  end

  # What config.ru may say where there is no Rack: it takes no more than `run` and `use`.
  class Builder
    def parse_file(path)
      @uses = []
      instance_eval(File.read(path), path)
      @uses.reverse.inject(@run) { |inner, (wrapper, arguments, block)| wrapper.new(inner, *arguments, &block) }
    end

    def run(application = nil, &block)
      @run = application || block
    end

    def use(wrapper, *arguments, &block)
      @uses << [wrapper, arguments, block]
    end
  end

  class << self
    # With WASM_FPM_WARM it loads the application that WASM_FPM_APP names; without, it runs a request.
    def warm(digits)
      env = variables(digits)
      if !env.key?("WASM_FPM_WARM")
        answer(env) if @application
      elsif env.key?("WASM_FPM_APP")
        load_application(env)
      end
      GC.start
    rescue Exception => error
      say(error)
      raise
    end

    def handle(digits)
      env = variables(digits)
      # The next one that is drawn: all requests begin with the same memory.
      srand
      @application ? answer(env) : run_script(env)
    end

    private

    def variables(digits)
      [digits].pack("H*").split("\0").to_h { |one| one.split("=", 2) }
    end

    def say(error)
      $stderr.write(error.full_message(highlight: false, order: :top))
    end

    def search_in(root)
      named = ENV.fetch("RUBYLIB", "").split(":").map { |folder| File.expand_path(folder, root) }
      places = [*named, *PACKAGES.map { |folder| "#{root}/#{folder}" }]
      $LOAD_PATH.unshift(*places.flat_map { |place| Dir.glob(place).sort })
    end

    # A file of Rack's: `config.ru`.
    def load_application(env)
      name, root = env.values_at("WASM_FPM_APP", "WASM_FPM_ROOT")
      ENV.replace(env.reject { |key, _| key.start_with?("WASM_FPM_") })
      search_in(root)
      Dir.chdir(ENV.fetch("PWD", root))
      $stdout = $stderr
      path = File.join(root, name)
      @application, = rack? ? Rack::Builder.parse_file(path) : Builder.new.parse_file(path)
    end

    def rack?
      require "rack"
    rescue LoadError => error
      error.path == "rack" ? false : raise
    else
      true
    end

    def rack_env(env)
      secure = %w[on 1 true].include?(env["HTTPS"]&.downcase) || env["REQUEST_SCHEME"] == "https"
      env.delete("HTTP_CONTENT_LENGTH")
      env.delete("HTTP_CONTENT_TYPE")
      env.delete("CONTENT_LENGTH") if env["CONTENT_LENGTH"] == ""
      env.delete("CONTENT_TYPE") if env["CONTENT_TYPE"] == ""
      env["QUERY_STRING"] ||= ""
      input = StringIO.new(env["REQUEST_METHOD"] == "GET" && !env["CONTENT_LENGTH"] ? String.new : IO.for_fd(0, "rb", autoclose: false).read)
      input.set_encoding(Encoding::BINARY)
      env.merge!(
        "rack.version" => [1, 6], "rack.url_scheme" => secure ? "https" : "http", "rack.input" => input, "rack.errors" => $stderr,
        "rack.multithread" => false, "rack.multiprocess" => true, "rack.run_once" => false, "rack.hijack?" => false
      )
    end

    def check(text, what)
      raise ArgumentError, "#{what} is #{text.inspect}, wanted text without control characters" if text.match?(/[\0-\x08\x0a-\x1f\x7f]/n)

      text
    end

    # Several of one name are a list, or lines (Rack 2).
    def put_headers(answer, status, headers)
      answer << "Status: #{Integer(status)}\r\n"
      headers.each do |name, values|
        next if name.start_with?("rack.")

        (values.is_a?(Array) ? values : values.to_s.split("\n", -1)).each do |value|
          answer << check("#{name}: #{value}".b, "a header") << "\r\n"
        end
      end
      answer << "\r\n"
    end

    def respond(env, answer)
      status, headers, body = @application.call(rack_env(env))
      begin
        put_headers(answer, status, headers)
        # Who makes an answer bit by bit wants each on its way.
        body.each { |part| (answer << part).flush }
        answer.flush
      ensure
        body.close if body.respond_to?(:close)
      end
    end

    # Whatever becomes of it, there is an answer, or one that is seen to have broken off.
    def answer(env)
      answer = Answer.new
      respond(env, answer)
    rescue Exception => error
      say(error)
      raise if answer.under_way

      OUT.write(FAILED)
    end

    # A file of its own, as CGI runs it.
    def run_script(env)
      ENV.replace(env)
      path = env["SCRIPT_FILENAME"]
      search_in(env.fetch("DOCUMENT_ROOT", File.dirname(path)))
      Dir.chdir(File.dirname(path))
      $0 = path
      OUT.sync = false
      $stdout = OUT
      $stdin = IO.for_fd(0, "r", autoclose: false)
      load(path)
    rescue SystemExit => error
      exit_code = error.status
    rescue Exception => error
      say(error)
      exit_code = 1
    ensure
      OUT.flush
      raise "it has ended with #{exit_code}" if exit_code && exit_code != 0
    end
  end
end

# The libc that Ruby was built with says that they have gone well.
[Kernel, Kernel.singleton_class, Process.singleton_class, IO.singleton_class].each do |place|
  %i[` system spawn exec popen].each do |name|
    next unless place.method_defined?(name) || place.private_method_defined?(name)

    place.define_method(name) { |*, **| raise NotImplementedError, "#{name}: there are no processes here" }
  end
end
