# What a request is: a PSGI application that is called, or a script that is run. warm and handle are given the environment, as digits.
package WasmFpm;

use strict;
use warnings;

my $FAILED = "Status: 500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\nInternal Server Error";
# Where modules are, below a tenant's root: its own, and what `cpanm -L local` makes.
my @FOLDERS = ('lib', 'local/lib/perl5');
# What Perl gathers before it writes.
my $GATHERED_BYTES = 8192;
my ($application, $under_way, $put_bytes);

# The end of a script is not that of the interpreter.
*CORE::GLOBAL::exit = sub { die bless { code => $_[0] // 0 }, 'WasmFpm::Exit' };

sub variables { return { map { my ($name, $value) = split /=/, $_, 2; ($name => $value) } split /\0/, pack 'H*', $_[0] } }

sub search_in {
  my ($root) = @_;
  my @named = map { m{^/} ? $_ : "$root/$_" } grep { length } split /:/, $ENV{PERL5LIB} // '';
  unshift @INC, grep { -d } @named, map { "$root/$_" } @FOLDERS;
}

sub load_application {
  my ($name, $root) = @_;
  search_in($root);
  chdir($ENV{PWD} // $root) or die "Cannot go to the application's folder: $!\n";
  # What is printed is no part of an answer.
  select(STDERR);
  my $path = "$root/$name";
  $application = do $path;
  die $@ if $@;
  die "Cannot read $path: $!\n" unless defined $application || !$!;
  die "$name is not what PSGI wants, wanted a file that ends with a reference to a function\n" unless ref $application;
}

sub put {
  $put_bytes += length for @_;
  $under_way = 1 if $put_bytes >= $GATHERED_BYTES;
  print STDOUT @_ or die "the answer cannot be sent: $!\n";
}

sub flush { my $before = select(STDOUT); local $| = 1; $under_way = 1; select($before); }

sub check {
  my ($text) = @_;
  die "the status is undefined, wanted a number\n" unless defined $text;
  die "a header is '$text', wanted text without control characters\n" if $text =~ /[\0-\x08\x0a-\x1f\x7f]/;
  return $text;
}

sub put_head {
  my ($status, $headers) = @_;
  my @lines = ('Status: ' . check($status));
  for (my $at = 0; $at < @$headers; $at += 2) { push @lines, check("$headers->[$at]: $headers->[$at + 1]") }
  put(join("\r\n", @lines, '', ''));
}

sub put_body {
  my ($body) = @_;
  if (ref $body eq 'ARRAY') { put(@$body) }
  elsif (defined $body) {
    local $/ = \65536;
    while (defined(my $part = $body->getline)) { put($part) }
    $body->close;
  }
}

sub respond {
  my ($env) = @_;
  my $secure = lc($env->{HTTPS} // '') =~ /^(?:on|1|true)$/ || ($env->{REQUEST_SCHEME} // '') eq 'https';
  delete @$env{qw(HTTP_CONTENT_LENGTH HTTP_CONTENT_TYPE)};
  $env->{QUERY_STRING} //= '';
  my $answer = $application->({
    %$env, 'psgi.version' => [1, 1], 'psgi.url_scheme' => $secure ? 'https' : 'http', 'psgi.input' => \*STDIN, 'psgi.errors' => \*STDERR,
    'psgi.multithread' => 0, 'psgi.multiprocess' => 1, 'psgi.run_once' => 0, 'psgi.nonblocking' => 0, 'psgi.streaming' => 1,
  });
  my $send = sub {
    my ($given) = @_;
    die "the answer is no reference to an array\n" unless ref $given eq 'ARRAY';
    put_head(@$given[0, 1]);
    if (@$given > 2) { put_body($given->[2]); return }
    return bless {}, 'WasmFpm::Writer';
  };
  ref $answer eq 'CODE' ? $answer->($send) : $send->($answer);
  flush();
}

sub WasmFpm::Writer::write { my ($self, @parts) = @_; put(@parts); flush() }
sub WasmFpm::Writer::close { flush() }

# Whatever becomes of it, there is an answer.
sub answer {
  my ($env) = @_;
  $under_way = $put_bytes = 0;
  return if eval { respond($env); 1 };
  print STDERR ref $@ eq 'WasmFpm::Exit' ? "it has called exit\n" : $@;
  die "the answer has broken off\n" if $under_way;
  binmode STDOUT;
  put($FAILED);
  flush();
}

sub run_script {
  my ($env) = @_;
  %ENV = %$env;
  my $path = $ENV{SCRIPT_FILENAME};
  my ($folder) = $path =~ m{^(.*)/} or die "Cannot run $path: wanted a file of a folder\n";
  search_in($ENV{DOCUMENT_ROOT} // $folder);
  chdir $folder or die "Cannot go to $folder: $!\n";
  $0 = $path;
  @ARGV = ();
  package main;
  no strict;
  no warnings;
  my $done = eval { local $! = 0; defined(do $path) || !$@ || die $@; 1 };
  my $error = $@;
  WasmFpm::flush();
  return if $done;
  my $code = ref $error eq 'WasmFpm::Exit' ? $error->{code} : 255;
  print STDERR $error unless ref $error eq 'WasmFpm::Exit';
  die "it has ended with $code\n" if $code != 0;
}

# With WASM_FPM_WARM it loads the application that WASM_FPM_APP names; without, it runs a request.
sub warm {
  my $env = variables(@_);
  if (!exists $env->{WASM_FPM_WARM}) { answer($env) if $application }
  elsif (exists $env->{WASM_FPM_APP}) {
    %ENV = map { ($_ => $env->{$_}) } grep { !/^WASM_FPM_/ } keys %$env;
    eval { load_application($env->{WASM_FPM_APP}, $env->{WASM_FPM_ROOT}); 1 } or do { print STDERR $@; die $@ };
  }
}

sub handle {
  my $env = variables(@_);
  # All requests begin with the same memory.
  srand;
  $application ? answer($env) : run_script($env);
}

1;
