# Every target does its own set-up from a fresh clone: `make run` and `make test` are all a newcomer needs.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
HTTP ?= 127.0.0.1:8080
report = --reporter=default --reporter=json --outputFile.json=build/test/$(1).json
SITE := examples/first-steps/www

.PHONY: help run test test-peers soak bench check build guests guests-as clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

node_modules/.installed: package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

run: node_modules/.installed guests-as ## start wasm-fpm with its HTTP front and two sample tenants (needs npm only)
	@mkdir -p $(SITE)/hello $(SITE)/echo
	@cp build/guests/as/*.wasm $(SITE)/hello/ && cp build/guests/as/hello.wasm $(SITE)/hello/index.wasm
	@cp build/guests/as/echo.wasm $(SITE)/echo/index.wasm && cp build/guests/as/echo.wasm $(SITE)/echo/
	node src/cli/main.ts serve --config examples/first-steps/wasm-fpm.toml --http $(HTTP)

test: node_modules/.installed guests ## unit and integration tests, and every web server that is installed
	@rm -rf build/test
	vitest run --project '!hostile' $(call report,all-but-hostile)
	vitest run --project hostile $(call report,hostile) # alone: these measure how long others have to wait
	@node test/summary.ts build/test/*.json

test-peers: node_modules/.installed guests ## the tests with real web servers only
	vitest run --project peers

soak: node_modules/.installed guests ## three and a half minutes of load, reloads, kills and hostile guests behind six web servers
	node --disable-warning=ExperimentalWarning test/soak/reloads.ts
	node --disable-warning=ExperimentalWarning test/soak/soak.ts

bench: node_modules/.installed guests ## compare with php-fpm, fcgiwrap and node-fastcgi behind the same nginx
	node bench/run.ts

check: node_modules/.installed ## types, lint, format, import rules
	npm run -s check

build: node_modules/.installed ## dist/, what the npm package holds
	npm run -s build

guests: node_modules/.installed ## the sample guests in every language whose compiler is here
	node guests/build.ts

guests-as: node_modules/.installed
	node guests/build.ts --only as

clean: ## remove everything that was built
	rm -rf build dist node_modules
