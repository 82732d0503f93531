# Every target does its own set-up from a fresh clone: `make run` and `make test` are all a newcomer needs.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
HTTP ?= 127.0.0.1:8080
report = --reporter=default --reporter=./test/stray-errors.ts --reporter=json --outputFile.json=build/test/$(1).json
RUNTIMES := runtime-php runtime-python runtime-lua runtime-ruby runtime-perl
SITE := examples/first-steps/www

.PHONY: help installed run run-php run-python run-lua run-ruby run-perl runtimes $(RUNTIMES) test test-peers test-phpt test-cpython soak bench check build guests guests-as clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

node_modules/.installed: package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

# Apart from the above: `npm ci` would undo what is told here, which is for those whose npm runs no scripts (ignore-scripts).
installed: node_modules/.installed
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 26 || (a == 26 && b >= 10) ? 0 : 1)' 2>/dev/null || { \
	  echo "make: node is $$(node --version 2>/dev/null || echo missing), wanted 26.10 or newer: npm's package \"node\" brings it, with its install script" >&2; \
	  echo "  next: npm rebuild node --ignore-scripts=false, then make again" >&2; \
	  exit 1; }

run: installed guests-as ## start wasm-fpm with its HTTP front and two sample tenants (needs npm only)
	@mkdir -p $(SITE)/hello $(SITE)/echo
	@cp build/guests/as/*.wasm $(SITE)/hello/ && cp build/guests/as/hello.wasm $(SITE)/hello/index.wasm
	@cp build/guests/as/echo.wasm $(SITE)/echo/index.wasm && cp build/guests/as/echo.wasm $(SITE)/echo/
	node src/cli/main.ts serve --config examples/first-steps/wasm-fpm.toml --http $(HTTP)

run-php: installed runtime-php ## start wasm-fpm with a PHP page (Debian 12; the first time it builds PHP, as root with all it takes)
	node src/cli/main.ts serve --config examples/php/wasm-fpm.toml --http $(HTTP)

run-python: installed runtime-python ## start wasm-fpm with a WSGI application (the same of Python)
	node src/cli/main.ts serve --config examples/python/wasm-fpm.toml --http $(HTTP)

run-lua: installed runtime-lua ## start wasm-fpm with a WSAPI application (the same of Lua, in seconds)
	node src/cli/main.ts serve --config examples/lua/wasm-fpm.toml --http $(HTTP)

run-ruby: installed runtime-ruby ## start wasm-fpm with a Rack application (the same of Ruby, with npm and no compiler)
	node src/cli/main.ts serve --config examples/ruby/wasm-fpm.toml --http $(HTTP)

run-perl: installed runtime-perl ## start wasm-fpm with a PSGI application (the same of Perl, with npm and no compiler)
	node src/cli/main.ts serve --config examples/perl/wasm-fpm.toml --http $(HTTP)

runtimes: $(RUNTIMES) ## build/runtimes/: interpreters of scripts, from Debian's sources and from npm

$(RUNTIMES): runtime-%: installed
	@mkdir -p build/runtimes
	node src/cli/main.ts runtime build $* --output build/runtimes/$*.wasm $(if $(filter 0,$(shell id -u)),--install)

test: installed guests ## unit and integration tests, and every web server that is installed
	@# Without them the tests of PHP, Python, Lua, Ruby and Perl are left out, and said so; in CI it has to be there.
	@$(MAKE) -s runtimes || test -z "$$CI"
	@rm -rf build/test
	vitest run --project architecture --project unit --project integration --project peers $(call report,together) || node test/once-more.ts build/test/together.json
	@# One file at a time: these measure how long others have to wait.
	vitest run --project hostile --project alone $(call report,alone) || node test/once-more.ts build/test/alone.json
	@node test/summary.ts build/test/*.json

test-peers: installed guests ## the tests with real web servers only
	vitest run --project peers

test-phpt: build runtime-php ## all of PHP's own tests (some minutes); FOLDERS="ext/json/tests Zend/tests/closures" for a part
	node --disable-warning=ExperimentalWarning test/support/phpt/run.ts $(FOLDERS)

test-cpython: build runtime-python ## all of CPython's own tests (half an hour); MODULES="test_json test_re" for a part
	node --disable-warning=ExperimentalWarning test/support/cpython/run-modules.ts $(MODULES)

soak: installed guests build ## five minutes of load, reloads, kills and hostile guests behind six web servers
	node --disable-warning=ExperimentalWarning test/soak/reloads.ts
	node --disable-warning=ExperimentalWarning test/soak/kills.ts --kills 100
	node --disable-warning=ExperimentalWarning test/soak/soak.ts

bench: installed guests ## compare with php-fpm, fcgiwrap and node-fastcgi behind the same nginx
	node bench/run.ts

check: installed ## types, lint, format, import rules
	npm run -s check

build: installed ## dist/, what the npm package holds
	npm run -s build

guests: installed ## the sample guests in every language whose compiler is here
	node guests/build.ts

guests-as: installed
	node guests/build.ts --only as

clean: ## remove everything that was built
	rm -rf build dist node_modules
