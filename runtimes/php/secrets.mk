# What makes and keeps secrets: libcrypto of OpenSSL (TLS is the host's, so libssl is not there) and libsodium. Part of Makefile.
OPENSSL := $(WORK)/openssl
# As Debian's where that is about what it can do; the rest is what a sandbox has not.
OPENSSL_WITHOUT := asm threads shared dso engine afalgeng sock ui-console tests legacy secure-memory module posix-io \
  idea mdc2 rc5 ssl3 ssl3-method autoload-config pic
$(OPENSSL)/.configured: $(SYSROOT)/.done
	$(call step,configure OpenSSL)
	@rm -rf $(@D) && cp -rLp $(SRC)/openssl $(@D)
	@sed -i 's/ && defined(__ELF__)//' $(@D)/providers/implementations/rands/seeding/rand_unix.c # getentropy is there
	@cd $(@D) && $(TOOLS) perl Configure linux-generic32 $(OPENSSL_WITHOUT:%=no-%) --with-rand-seed=getrandom \
	  --prefix=/usr --openssldir=/usr/lib/ssl $(CFLAGS) -Wno-implicit-function-declaration
	@touch $@
$(WORK)/lib/libcrypto.a: $(OPENSSL)/.configured
	$(call step,compile OpenSSL)
	@$(MAKE) -C $(OPENSSL) build_generated
	@$(MAKE) -C $(OPENSSL) libcrypto.a
	@mkdir -p $(@D) && cp $(OPENSSL)/libcrypto.a $@

SODIUM := $(WORK)/libsodium
SODIUM_SOURCES := $(shell cd $(SRC)/libsodium/src/libsodium && find . -name '*.c')
SODIUM_FLAGS := -DCONFIGURED=1 -DNATIVE_LITTLE_ENDIAN=1 -DSODIUM_STATIC=1 \
  -I$(SODIUM)/include -I$(SODIUM)/include/sodium
$(WORK)/lib/libsodium.a: $(SODIUM_SOURCES:./%.c=$(SODIUM)/%.o)
# Its headers, with the one that its configure would write.
$(SODIUM)/.configured: $(SYSROOT)/.done
	@mkdir -p $(@D) && cp -r $(SRC)/libsodium/src/libsodium/include $(@D)/
	@version=$$(sed -n 's/^AC_INIT(\[libsodium\],\[\(.*\)\],/\1/p' $(SRC)/libsodium/configure.ac); \
	number() { sed -n "s/^SODIUM_LIBRARY_VERSION_$$1=//p" $(SRC)/libsodium/configure.ac; }; \
	sed -e "s/@VERSION@/$$version/" -e "s/@SODIUM_LIBRARY_VERSION_MAJOR@/$$(number MAJOR)/" \
	  -e "s/@SODIUM_LIBRARY_VERSION_MINOR@/$$(number MINOR)/" -e 's/@SODIUM_LIBRARY_MINIMAL_DEF@//' \
	  $(@D)/include/sodium/version.h.in >$(@D)/include/sodium/version.h
	@touch $@
# What a hash of a password takes is not in the part of malloc.
$(SODIUM)/crypto_pwhash/%: SODIUM_FLAGS += -DHAVE_MMAP -DHAVE_SYS_MMAN_H
$(SODIUM)/%.o: $(SRC)/libsodium/src/libsodium/%.c $(SODIUM)/.configured
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(SODIUM_FLAGS) -w -c -o $@ $<
