# What a request leaves behind, draws, and breaks.
use strict;
use warnings;
use JSON::PP;
use Cwd ();

our (@seen, $made_up);
note("loaded");

sub note { open my $log, '>>', "$ENV{DATA}/log.txt" or die "log: $!"; print $log "$_[0]\n"; close $log }

sub drawn { return { random => rand() . '', other => join(',', map { int rand 1e9 } 1 .. 3) } }

# Whether anything is there of a request before, and then leaves all of it.
sub left {
  my $found = {
    seen => scalar @seen, global => defined $made_up ? 1 : 0, function => main->can('made_up_function') ? 1 : 0, module => exists $INC{'Made/Up.pm'} ? 1 : 0,
    environment => exists $ENV{MADE_UP} ? 1 : 0, path => (grep { $_ eq 'made-up' } @INC) ? 1 : 0, file => -e '/tmp/left.txt' ? 1 : 0,
    query => exists $ENV{QUERY_STRING} ? 1 : 0, separator => $/ eq "\n" ? 0 : 1, handler => $SIG{__WARN__} ? 1 : 0,
  };
  push @seen, 1;
  $made_up = 1;
  eval 'sub made_up_function { 1 } 1' or die;
  $INC{'Made/Up.pm'} = 1;
  $ENV{MADE_UP} = 1;
  push @INC, 'made-up';
  open my $file, '>', '/tmp/left.txt' or die "left: $!";
  print $file 'x';
  $/ = undef;
  $SIG{__WARN__} = sub { };
  note("asked");
  return $found;
}

sub recurse { no warnings; return 1 + recurse() }

my %breaks = (
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

sub {
  my ($env) = @_;
  print "printed\n";
  (my $name = $env->{PATH_INFO}) =~ s{^/}{};
  return $breaks{$name}->() if $breaks{$name};
  return sub { my $writer = $_[0]->([200, ['Content-Type' => 'text/plain']]); $writer->write("part $_\n") for 1 .. 3; $writer->close } if $name eq 'stream';
  if ($name eq 'body') { my $size = read $env->{'psgi.input'}, my $body, $env->{CONTENT_LENGTH} || 0; return [201, [], ["$size"]] }
  return [200, ['Content-Type' => 'application/json'], [encode_json($name eq 'left' ? left() : drawn())]];
};
