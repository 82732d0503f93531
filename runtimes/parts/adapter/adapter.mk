# Makes a reactor of an engine that somebody else has compiled: it is merged with adapter.wat and the recipe's engine.wat.
SHELL := /bin/bash -e -o pipefail

step = @echo "== $(1)"
ADAPTER := $(PARTS)/adapter
BINARYEN := $(NODE) $(SRC)/binaryen/bin
FEATURES := --enable-bulk-memory --enable-bulk-memory-opt --enable-mutable-globals --enable-sign-ext --enable-nontrapping-float-to-int --enable-reference-types

all: $(OUT)

# $(call fill,SOURCE WARM HANDLE): adapter.wat with the source that is evaluated at boot, and the functions that it has.
fill = $(NODE) $(ADAPTER)/fill.mjs $(ADAPTER)/adapter.wat $(1) > $@

$(WORK)/%.wasm: $(WORK)/%.wat
	@$(BINARYEN)/wasm-as $(FEATURES) $< -o $@
$(WORK)/engine.wat: $(RECIPE)/engine.wat
	@cp $< $@

# $(call merge,MODULE STUBS): of each of these modules, name.wasm, `name` is what others import from.
define merge
	$(call step,merge)
	@mkdir -p $(@D)
	@$(BINARYEN)/wasm-merge $(FEATURES) $(1) module $(foreach name,$(2) engine adapter,$(WORK)/$(name).wasm $(name)) -o $(WORK)/merged.wasm
	@$(NODE) $(ADAPTER)/heap.mjs $(WORK)/merged.wasm $@.part
	@mv $@.part $@
	$(call step,done)
endef
