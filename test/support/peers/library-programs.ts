/** PHP programs about what libraries and sockets do, for `peers/php-programs.test.ts`. What they print is the same each time. */

export const LIBRARY_PROGRAMS: ReadonlyArray<{ readonly name: string; readonly script: string }> = [
  {
    name: 'openssl: ciphers',
    script: `<?php foreach (openssl_get_cipher_methods() as $name) { if (str_contains($name, '-hmac-')) continue; /* of processors that help with them */ $iv = str_repeat('i', openssl_cipher_iv_length($name)); $tag = null;
      $is_tagged = preg_match('/gcm|ccm|ocb|poly1305/', $name); $key = str_repeat('k', openssl_cipher_key_length($name));
      $out = $is_tagged ? @openssl_encrypt('a text of some length', $name, $key, OPENSSL_RAW_DATA, $iv, $tag, 'aad') : @openssl_encrypt('a text of some length', $name, $key, OPENSSL_RAW_DATA, $iv);
      $back = $is_tagged ? @openssl_decrypt($out, $name, $key, OPENSSL_RAW_DATA, $iv, $tag, 'aad') : @openssl_decrypt($out, $name, $key, OPENSSL_RAW_DATA, $iv);
      echo $name, ' ', md5((string) $out), ' ', bin2hex((string) $tag), ' ', var_export($back, true), "\\n"; }`,
  },
  {
    name: 'openssl: digests and keys of passwords',
    script: `<?php foreach (openssl_get_md_methods() as $name) echo $name, ' ', openssl_digest('text', $name), "\\n"; echo bin2hex(openssl_pbkdf2('p', 's', 20, 1000, 'sha256')), OPENSSL_VERSION_NUMBER >= 0x30000000; print_r(openssl_get_curve_names());`,
  },
  {
    name: 'openssl: a key, what it signs, and its certificate',
    script: `<?php ini_set('display_errors', 1); $key = openssl_pkey_new(['private_key_bits' => 2048]); $details = openssl_pkey_get_details($key); echo $details['bits'], $details['type'], join(' ', array_keys($details['rsa'])), "\\n";
      openssl_sign('text', $signature, $key, 'sha256'); echo strlen($signature), openssl_verify('text', $signature, $details['key'], 'sha256'), openssl_verify('other', $signature, $details['key'], 'sha256'), "\\n";
      openssl_public_encrypt('secret', $sealed, $details['key'], OPENSSL_PKCS1_OAEP_PADDING); openssl_private_decrypt($sealed, $opened, $key, OPENSSL_PKCS1_OAEP_PADDING); echo $opened, "\\n";
      openssl_pkey_export($key, $text, 'pass'); echo strtok($text, "\\n"), var_export(openssl_pkey_get_private($text, 'wrong'), true), get_class(openssl_pkey_get_private($text, 'pass')), "\\n";
      $request = openssl_csr_new(['commonName' => 'site.example', 'countryName' => 'DE', 'organizationName' => 'ö'], $key, ['digest_alg' => 'sha256']); $certificate = openssl_csr_sign($request, null, $key, 10, ['digest_alg' => 'sha256'], 77);
      $parsed = openssl_x509_parse($certificate); unset($parsed['hash'], $parsed['validFrom'], $parsed['validTo'], $parsed['validFrom_time_t'], $parsed['validTo_time_t'], $parsed['extensions']); print_r($parsed); echo openssl_x509_check_private_key($certificate, $key) ? 'its own' : 'not';
      $curve = openssl_pkey_new(['curve_name' => 'prime256v1', 'private_key_type' => OPENSSL_KEYTYPE_EC]); openssl_sign('t', $s, $curve, 'sha256'); echo openssl_verify('t', $s, openssl_pkey_get_details($curve)['key'], 'sha256'), openssl_pkey_get_details($curve)['ec']['curve_name'];`,
  },
  {
    name: 'openssl: random bytes, and errors',
    script: `<?php ini_set('display_errors', 1); ini_set('html_errors', 0); while (openssl_error_string()) continue; echo strlen(openssl_random_pseudo_bytes(33, $strong)), var_export($strong, true), openssl_random_pseudo_bytes(9) === openssl_random_pseudo_bytes(9) ? 'same' : 'other', "\\n";
      var_dump(openssl_encrypt('a', 'none', 'k'), openssl_decrypt('!!', 'aes-128-cbc', 'k', 0, str_repeat('i', 16)), openssl_pkey_get_private('none')); while ($e = openssl_error_string()) echo $e, "\\n"; print_r(stream_get_transports());`,
  },
  {
    name: 'sodium',
    script: `<?php $key = str_repeat('k', 32); $nonce = str_repeat('n', 24); echo bin2hex(sodium_crypto_secretbox('text', $nonce, $key)), "\\n", sodium_crypto_secretbox_open(sodium_crypto_secretbox('text', $nonce, $key), $nonce, $key), "\\n";
      echo bin2hex(sodium_crypto_generichash('text')), bin2hex(sodium_crypto_shorthash('text', str_repeat('k', 16))), bin2hex(sodium_crypto_aead_xchacha20poly1305_ietf_encrypt('m', 'a', $nonce, $key)), "\\n";
      $pair = sodium_crypto_sign_seed_keypair($key); $signature = sodium_crypto_sign_detached('text', sodium_crypto_sign_secretkey($pair)); echo bin2hex($signature), var_export(sodium_crypto_sign_verify_detached($signature, 'text', sodium_crypto_sign_publickey($pair)), true), "\\n";
      $box = sodium_crypto_box_seed_keypair($key); echo sodium_crypto_box_seal_open(sodium_crypto_box_seal('sealed', sodium_crypto_box_publickey($box)), $box), bin2hex(sodium_crypto_scalarmult_base($key)), "\\n";
      echo bin2hex(sodium_crypto_pwhash(16, 'p', str_repeat('s', 16), 2, 67108864)), SODIUM_LIBRARY_VERSION, sodium_bin2base64('ab', SODIUM_BASE64_VARIANT_URLSAFE), var_export(sodium_crypto_aead_aes256gcm_is_available() || true, true);`,
  },
  {
    name: 'passwords with Argon2',
    script: `<?php $hash = password_hash('p', PASSWORD_ARGON2ID, ['memory_cost' => 1024, 'time_cost' => 2, 'threads' => 1]); echo strtok($hash, ','), var_export(password_verify('p', $hash), true), var_export(password_verify('q', $hash), true), json_encode(password_get_info($hash)), json_encode(password_verify('p', password_hash('p', PASSWORD_ARGON2I, ['memory_cost' => 1024, 'time_cost' => 3, 'threads' => 1])));`,
  },
  {
    name: 'sockets among themselves',
    script: `<?php ini_set('display_errors', 1); ini_set('html_errors', 0);
      $server = stream_socket_server('tcp://127.0.0.1:0', $number, $text); $name = stream_socket_get_name($server, false); echo strtok($name, ':'), "\\n";
      $client = stream_socket_client("tcp://$name"); $there = stream_socket_accept($server, 1, $peer); echo $peer === stream_socket_get_name($client, false) ? 'its own name' : "$peer?", "\\n";
      fwrite($client, "GET /\\n"); echo fgets($there); fwrite($there, str_repeat('x', 100000) . "\\n"); fclose($there); echo strlen(stream_get_contents($client)), var_export(feof($client), true), "\\n";
      stream_set_blocking($server, false); var_dump(@stream_socket_accept($server, 0)); $read = [$server]; $none = null; var_dump(stream_select($read, $none, $none, 0, 1000)); fclose($server);
      var_dump(@stream_socket_client("tcp://$name", $number, $text, 1));
      [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0); stream_set_blocking($a, false); var_dump(fread($a, 10), feof($a)); fwrite($b, 'one'); $read = [$a, $b]; $write = [$a]; echo stream_select($read, $write, $none, 1), count($read), count($write), fread($a, 2), stream_socket_recvfrom($a, 9, STREAM_PEEK), fread($a, 9); stream_socket_shutdown($b, STREAM_SHUT_WR); var_dump(fread($a, 1), feof($a), @fwrite($b, 'x'));
      fclose($a); var_dump(@fwrite($b, 'x'));`,
  },
  {
    name: 'datagrams and unix sockets among themselves',
    script: `<?php ini_set('display_errors', 1); ini_set('html_errors', 0);
      $server = stream_socket_server('udp://127.0.0.1:0', $n, $t, STREAM_SERVER_BIND); $client = stream_socket_client('udp://' . stream_socket_get_name($server, false));
      fwrite($client, 'first'); fwrite($client, 'second'); echo stream_socket_recvfrom($server, 100, 0, $from), ' ', stream_socket_recvfrom($server, 3), "\\n"; stream_socket_sendto($server, 'back', 0, $from); echo fread($client, 100), "\\n";
      $path = sys_get_temp_dir() . '/' . uniqid() . '.sock'; $server = stream_socket_server("unix://$path"); var_dump(file_exists($path), @stream_socket_server("unix://$path")); $client = stream_socket_client("unix://$path"); $there = stream_socket_accept($server); fwrite($there, "over\\n"); echo fgets($client), var_export(stream_socket_get_name($client, true) === $path, true), stream_get_meta_data($client)['stream_type']; unlink($path);`,
  },
  {
    name: 'names of protocols and services',
    script: `<?php var_dump(getprotobyname('tcp'), getprotobyname('udp'), getprotobyname('none'), getprotobynumber(1), getprotobynumber(999), getservbyname('http', 'tcp'), getservbyname('imap', 'tcp'), getservbyname('domain', 'udp'), getservbyname('none', 'tcp'), getservbyport(443, 'tcp'), getservbyport(25, 'tcp'), getservbyport(3306, 'tcp'), getservbyport(1, 'none'), gethostbyname('localhost'), gethostbynamel('localhost'), gethostbyname('127.0.0.2'), gethostbyaddr('127.0.0.1'));`,
  },
  {
    name: 'owners',
    script: `<?php ini_set('display_errors', 1); ini_set('html_errors', 0); $file = WRITABLE . '/owned'; touch($file); var_dump(chown($file, fileowner($file)), chgrp($file, filegroup($file)), lchown($file, fileowner($file)), lchgrp($file, filegroup($file)), chown(WRITABLE . '/none', 1) );`,
  },
]
