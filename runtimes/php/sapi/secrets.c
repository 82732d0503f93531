/* What OpenSSL and libsodium ask their surroundings for: randomness, which is the host's in every request anew, and a configuration. */
#define OPENSSL_SUPPRESS_DEPRECATED 1 /* it says "provider" for what one function does */
#include "sapi.h"

#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/rand.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* What of Debian's openssl.cnf is used for new keys and requests for certificates, where a tenant has no file of its own there. */
static const char CONFIGURATION[] =
    "[req]\n"
    "default_bits = 2048\n"
    "distinguished_name = req_distinguished_name\n"
    "attributes = req_attributes\n"
    "x509_extensions = v3_ca\n"
    "string_mask = utf8only\n"
    "[req_distinguished_name]\n"
    "countryName = Country Name (2 letter code)\n"
    "countryName_default = AU\n"
    "countryName_min = 2\n"
    "countryName_max = 2\n"
    "stateOrProvinceName = State or Province Name (full name)\n"
    "stateOrProvinceName_default = Some-State\n"
    "localityName = Locality Name (eg, city)\n"
    "0.organizationName = Organization Name (eg, company)\n"
    "0.organizationName_default = Internet Widgits Pty Ltd\n"
    "organizationalUnitName = Organizational Unit Name (eg, section)\n"
    "commonName = Common Name (e.g. server FQDN or YOUR name)\n"
    "commonName_max = 64\n"
    "emailAddress = Email Address\n"
    "emailAddress_max = 64\n"
    "[req_attributes]\n"
    "challengePassword = A challenge password\n"
    "challengePassword_min = 4\n"
    "challengePassword_max = 20\n"
    "unstructuredName = An optional company name\n"
    "[v3_req]\n"
    "basicConstraints = CA:FALSE\n"
    "keyUsage = nonRepudiation, digitalSignature, keyEncipherment\n"
    "[v3_ca]\n"
    "subjectKeyIdentifier = hash\n"
    "authorityKeyIdentifier = keyid:always,issuer\n"
    "basicConstraints = critical,CA:true\n";

/* ext/openssl calls it instead of NCONF_load. */
int wasm_fpm_load_configuration(CONF *into, const char *file, long *line) {
  if (strcmp(file, "/usr/lib/ssl/openssl.cnf") != 0 || access(file, R_OK) == 0) return NCONF_load(into, file, line);
  BIO *text = BIO_new_mem_buf(CONFIGURATION, sizeof CONFIGURATION - 1);
  int result = text == NULL ? 0 : NCONF_load_bio(into, text, line);
  BIO_free(text);
  return result;
}

static int fill(unsigned char *bytes, int size) {
  return getrandom(bytes, size, 0) == size;
}

static int is_ready(void) {
  return 1;
}

static void fill_or_end(void *const bytes, const size_t size) {
  if (getrandom(bytes, size, 0) != (ssize_t)size) abort();
}

static uint32_t draw(void) {
  uint32_t number;
  fill_or_end(&number, sizeof number);
  return number;
}

static const char *name(void) {
  return "host";
}

/* Generators of their own would be in the memory that all requests begin with. */
void wasm_fpm_start_secrets(void) {
  static const RAND_METHOD openssl = {.bytes = fill, .pseudorand = fill, .status = is_ready};
  static randombytes_implementation sodium = {.implementation_name = name, .random = draw, .buf = fill_or_end};
  RAND_set_rand_method(&openssl);
  randombytes_set_implementation(&sodium);
}
