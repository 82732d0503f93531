# What PHP's gd stands on, each library compiled as its own build would, without that build. Part of Makefile.
PNG := $(WORK)/libpng1.6
PNG_PARTS := png pngerror pngget pngmem pngpread pngread pngrio pngrtran pngrutil pngset pngtrans pngwio pngwrite \
  pngwtran pngwutil
$(WORK)/lib/libpng.a: $(PNG_PARTS:%=$(PNG)/%.o)
$(PNG)/.configured: $(SYSROOT)/.done
	@rm -rf $(@D) && cp -rLp $(SRC)/libpng1.6 $(@D)
	@cp $(@D)/scripts/pnglibconf.h.prebuilt $(@D)/pnglibconf.h
	@touch $@
$(PNG)/%.o: $(PNG)/.configured
	@$(CC) $(CFLAGS) -w -I$(SRC)/zlib -c -o $@ $(@:.o=.c)

JPEG := $(WORK)/libjpeg-turbo
JPEG_PARTS := jcapimin jcapistd jccoefct jccolor jcdctmgr jchuff jcicc jcinit jcmainct jcmarker jcmaster jcomapi jcparam \
  jcphuff jcprepct jcsample jctrans jdapimin jdapistd jdatadst jdatasrc jdcoefct jdcolor jddctmgr jdhuff jdicc jdinput \
  jdmainct jdmarker jdmaster jdmerge jdphuff jdpostct jdsample jdtrans jerror jfdctflt jfdctfst jfdctint jidctflt \
  jidctfst jidctint jidctred jquant1 jquant2 jutils jmemmgr jmemnobs jaricom jcarith jdarith jsimd_none
$(WORK)/lib/libjpeg.a: $(JPEG_PARTS:%=$(JPEG)/%.o)
# What its cmake would write, as Debian's has it: the interface of libjpeg 6b.
$(JPEG)/.configured: $(SYSROOT)/.done
	@rm -rf $(@D) && cp -rLp $(SRC)/libjpeg-turbo $(@D)
	@version=$$(sed -n 's/^set(VERSION \(.*\))/\1/p' $(@D)/CMakeLists.txt); \
	printf '#define %s\n' 'JPEG_LIB_VERSION 62' "LIBJPEG_TURBO_VERSION $$version" 'LIBJPEG_TURBO_VERSION_NUMBER 2001000' \
	  'C_ARITH_CODING_SUPPORTED 1' 'D_ARITH_CODING_SUPPORTED 1' 'MEM_SRCDST_SUPPORTED 1' 'BITS_IN_JSAMPLE 8' >$(@D)/jconfig.h; \
	printf '#define %s\n' 'BUILD ""' 'INLINE inline' 'THREAD_LOCAL' 'PACKAGE_NAME "libjpeg-turbo"' "VERSION \"$$version\"" \
	  'SIZEOF_SIZE_T 4' 'HAVE_BUILTIN_CTZL 1' 'FALLTHROUGH __attribute__((fallthrough));' >$(@D)/jconfigint.h
	@cp $(@D)/jversion.h.in $(@D)/jversion.h
	@touch $@
$(JPEG)/%.o: $(JPEG)/.configured
	@$(CC) $(CFLAGS) -w -c -o $@ $(@:.o=.c)

WEBP_SOURCES := $(foreach part,src/dec src/enc src/dsp src/utils sharpyuv,$(wildcard $(SRC)/libwebp/$(part)/*.c))
$(WORK)/lib/libwebp.a: $(WEBP_SOURCES:$(SRC)/%.c=$(WORK)/%.o)
$(WORK)/libwebp/%.o: $(SRC)/libwebp/%.c $(SYSROOT)/.done
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -w -I$(SRC)/libwebp -c -o $@ $<

FREETYPE_PARTS := $(foreach part,base init system bitmap glyph debug bbox bdf cid fstype gasp gxval mm otval patent pfr stroke \
  synth type1 winfnt,base/ft$(part)) autofit/autofit bdf/bdf cff/cff cid/type1cid gzip/ftgzip lzw/ftlzw pcf/pcf \
  pfr/pfr psaux/psaux pshinter/pshinter psnames/psnames raster/raster sdf/sdf sfnt/sfnt smooth/smooth svg/svg \
  truetype/truetype type1/type1 type42/type42 winfonts/winfnt
$(WORK)/lib/libfreetype.a: $(FREETYPE_PARTS:%=$(WORK)/freetype/%.o)
$(WORK)/freetype/%.o: $(SRC)/freetype/src/%.c $(SYSROOT)/.done
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -w -DFT2_BUILD_LIBRARY -DFT_CONFIG_OPTION_SYSTEM_ZLIB -I$(SRC)/freetype/include -I$(SRC)/zlib -c -o $@ $<
