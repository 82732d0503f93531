# What Makefiles of runtimes in C share. It wants RECIPE, PARTS, SRC, WORK and OUT, as `wasm-fpm runtime build` gives them:
#   RECIPE  the recipe's folder     PARTS  the one this file is in     SRC  the folder with the sources, one each
#   WORK    where things are built    OUT  the module to write
SHELL := /bin/bash -e -o pipefail
# The variables above are this build's: sub-makes have others of these names.
MAKEOVERRIDES =
SYSROOT := $(WORK)/sysroot

step = @echo "== $(1)"

all: $(OUT)

# A folder of its own: the compiler takes headers that it misses from the machine's.
$(SYSROOT)/.done:
	$(call step,sysroot)
	@mkdir -p $(SYSROOT)/include $(SYSROOT)/lib
	@cp -r /usr/include/wasm32-wasi $(SYSROOT)/include/
	@cp -r /usr/lib/wasm32-wasi $(SYSROOT)/lib/
	@touch $@

# For what is compiled with SJLJ.
SJLJ := -isystem $(PARTS)/setjmp/include -mllvm -wasm-enable-sjlj
$(WORK)/setjmp.o: $(PARTS)/setjmp/setjmp.c $(SYSROOT)/.done
	@clang-19 --target=wasm32-wasi --sysroot=$(SYSROOT) -O2 $(SJLJ) -mexception-handling -Wall -c -o $@ $<

# $(call link_reactor,FLAGS OBJECTS LIBRARIES): the C library comes last.
BUILTINS := $(shell clang-19 --target=wasm32-wasi -print-libgcc-file-name)
LIB := $(SYSROOT)/lib/wasm32-wasi
define link_reactor
	$(call step,link)
	@mkdir -p $(@D)
	@wasm-ld-19 -m wasm32 -L$(LIB) $(LIB)/crt1-reactor.o --entry=_initialize \
	  -z stack-size=1048576 --stack-first --max-memory=4294967296 --strip-all \
	  $(1) -lm -lc $(BUILTINS) -o $@.part
	@mv $@.part $@
	$(call step,done)
endef
