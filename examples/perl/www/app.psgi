# A PSGI application: all paths of the tenant are its own.
use strict;
use warnings;

my $requests = 0;

sub {
  my ($env) = @_;
  $requests++;
  my ($name) = $env->{QUERY_STRING} =~ /name=([\w ]+)/;
  my $text = sprintf "Hello, %s! This is Perl %vd, at %s.\nIt is request %d of this process.\n", $name // 'you', $^V, $env->{PATH_INFO}, $requests;
  return [200, ['Content-Type' => 'text/plain'], [$text]];
};
