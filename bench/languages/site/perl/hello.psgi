use strict;
use warnings;

sub { return [200, ['Content-Type' => 'text/plain'], ["hello from $_[0]{PATH_INFO}\n"]] };
