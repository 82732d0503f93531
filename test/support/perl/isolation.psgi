# What a request leaves behind, draws, and breaks.
use strict;
use warnings;
use JSON::PP;
use Cwd ();

our (@seen, %cache, $made_up);
note("loaded");

sub note { open my $log, '>>', "$ENV{DATA}/log.txt" or die "log: $!"; print $log "$_[0]\n"; close $log }

sub drawn { return { random => rand() . '', other => join(',', map { int rand 1e9 } 1 .. 3) } }

sub seed { return { seed => join '', keys %{{ map { ($_ => 1) } 'a' .. 'z' }} } }

# Whether anything is there of a request before, and then leaves all of it. The names are those of the other languages.
sub left {
  my $yes = sub { $_[0] ? JSON::PP::true : JSON::PP::false };
  my $found = {
    state => $yes->(@seen), cache => $yes->(%cache), global => $yes->(defined $made_up), interned => undef, modules => $yes->(exists $INC{'Made/Up.pm'}), local => undef,
    patched => $yes->(JSON::PP->can('made_up')), defined => $yes->(main->can('made_up_function')), environment => $yes->(exists $ENV{MADE_UP}),
    path => $yes->(scalar grep { $_ eq 'made-up' } @INC), folder => $yes->(Cwd::getcwd() eq '/tmp'), temporary => $yes->(-e '/tmp/left.txt'), open => $yes->(defined fileno LEFT),
    handler => $yes->($SIG{__WARN__}), settings => $yes->($/ ne "\n"), query => $yes->(exists $ENV{QUERY_STRING}),
  };
  push @seen, 1;
  $cache{1} = 1;
  $made_up = 1;
  $INC{'Made/Up.pm'} = 1;
  no strict 'refs';
  *{'JSON::PP::made_up'} = sub { 1 };
  eval 'sub made_up_function { 1 } 1' or die;
  $ENV{MADE_UP} = 1;
  push @INC, 'made-up';
  chdir '/tmp' or die "chdir: $!";
  open LEFT, '>', '/tmp/left.txt' or die "left: $!";
  print LEFT 'never closed';
  $SIG{__WARN__} = sub { };
  $/ = undef;
  eval 'END { print STDERR "at exit\n" } 1' or die;
  note("asked");
  return $found;
}

sub recurse { no warnings; return 1 + recurse() }

my %breaks = (
  caught => sub { while (1) { eval { 1 for 1 .. 1e7; die "caught" } } },
  doubling => sub { my $text = 'x'; $text .= $text while 1 },
  parser => sub { eval('(' x 200000 . '1' . ')' x 200000) // die $@; die "parsed\n" },
  data => sub { decode_json('[' x 200000) },
  finalizer => sub { bless [], 'Endless'; 1 },
  fork => sub { my $child = fork; die "fork: $!\n" unless defined $child; exit 0 },
  process => sub { system('true') == 0 or die "system: $!\n" },
  output => sub { my $said = `true`; die "backticks: $!\n" unless defined $said },
  popen => sub { open my $pipe, '-|', 'true' or die "open: $!\n" },
  thread => sub { require threads },
  native => sub { require XSLoader; XSLoader::load('Not::There') },
  socket => sub { require Socket },
  loop => sub { 1 while 1 },
  memory => sub { my @all; push @all, 'x' x (1 << 20) . scalar @all while 1 },
  recursion => \&recurse,
  regex => sub { ('a' x 60) =~ /^(a|aa)+\1[bc]$/ },
  dies => sub { die "boom" },
  exit => sub { exit 3 },
  missing => sub { require Not::There },
  header => sub { [200, ['X-A' => "a\r\nSet-Cookie: b=1"], []] },
  nothing => sub { undef },
);

sub Endless::DESTROY { 1 while 1 }

sub {
  my ($env) = @_;
  print "printed\n";
  (my $name = $env->{PATH_INFO}) =~ s{^/}{};
  return $breaks{$name}->() if $breaks{$name};
  return sub { my $writer = $_[0]->([200, ['Content-Type' => 'text/plain']]); $writer->write("part $_\n") for 1 .. 3; $writer->close } if $name eq 'stream';
  if ($name eq 'body') { my $size = read $env->{'psgi.input'}, my $body, $env->{CONTENT_LENGTH} || 0; return [201, [], ["$size"]] }
  return [200, ['Content-Type' => 'application/json'], [encode_json($name eq 'left' ? left() : $name eq 'seed' ? seed() : drawn())]];
};
