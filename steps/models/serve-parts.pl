# Hands out parts of models to whoever knows the token, and ends when its stdin does: with the process that started
# it, however that ends. Perl, because it is in every Debian and Ubuntu, Ollama's images too, and curl is not.
#
# Runs where Ollama keeps models; it only reads.
#
#   $ARGV[0]  port to listen on
#   stdin     a line with the token, then nothing
#   stdout    "ready" once it listens
#   a connection asks by one line, "TOKEN sha256-… OFFSET", and gets the part from that offset on, and nothing else
use strict;
use IO::Socket::INET;
use IO::Select;
my ($port) = @ARGV;
$| = 1;
$SIG{CHLD} = "IGNORE";
$SIG{TERM} = sub { exit 0 };
my $token = "";
while (sysread STDIN, my $byte, 1) { last if $byte eq "\n"; $token .= $byte }
my $server = IO::Socket::INET->new(LocalPort => $port, Listen => 16, ReuseAddr => 1) or die "$!\n";
my $select = IO::Select->new($server, \*STDIN);
print "ready\n";
while (my @ready = $select->can_read) {
  for my $handle (@ready) {
    if ($handle != $server) { exit 0 unless sysread STDIN, my $rest, 1024; next }
    my $client = $server->accept or next;
    if (fork) { close $client; next }
    alarm 30;    # who has not asked by then is nobody of ours
    my $asked = <$client> // "";
    alarm 0;
    exit 1 unless $asked =~ /^(\S+) (sha256-[0-9a-f]{64}) (\d+)$/ && $1 eq $token;
    open my $blob, "<:raw", "blobs/$2" or exit 1;
    sysseek $blob, $3, 0;
    while (my $got = sysread $blob, my $chunk, 1 << 20) {
      for (my $sent = 0; $sent < $got;) { $sent += syswrite($client, $chunk, $got - $sent, $sent) // exit 1 }
    }
    exit 0;
  }
}
