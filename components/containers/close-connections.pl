# Closes nginx's connections to nodes that are frozen. The kernel of a stopped process, or of a paused container, goes on
# answering keep-alives, so that nginx waits for as long as it lasts. Closed by the kernel (SOCK_DESTROY, as `ss -K`), a
# request without a first byte goes to another node, and a stream that had begun ends with an error.
#
# Runs in nginx's network namespace with CAP_NET_ADMIN; needs a kernel with CONFIG_INET_DIAG_DESTROY. Perl, because it
# is in nginx's image, and ss is not.
#
#   $ARGV[0]  port of the loopback at which nginx tells what it holds of each node
#   $ARGV[1…] name, host and port of each node
#   stdout    a line for each time that connections were closed
#
# Closed is only what has carried nothing for a while, and only:
#   - of a node that is quiet or gone, and gives no sign to a request of this program's own either. A node that has
#     restarted answers or refuses it, so its loads are left in peace.
#   - of a node that has given tokens and is wedged now, and only at first: what comes to it later may be what brings it back.
use strict;
use warnings;
use Errno;
use Socket qw(:DEFAULT IPPROTO_TCP getaddrinfo unpack_sockaddr_in6);

use constant {
  AF_NETLINK => 16, NETLINK_SOCK_DIAG => 4, SOCK_DIAG_BY_FAMILY => 20, SOCK_DESTROY => 21,
  NLM_F_REQUEST => 1, NLM_F_ACK => 4, NLM_F_DUMP => 0x300, NLMSG_ERROR => 2, NLMSG_DONE => 3,
  ESTABLISHED => 1, TCP_INFO => 2,
};
use constant {
  QUIET_MS => 3000,      # as templates/njs/nodes/verdict.js has it
  PROBED_MS => 5000,     # longer than a probe by nginx may take, which is no client's to lose
  ANSWER_SECONDS => 2,   # for a sign of life: as long as a list may take
  FRESH_SECONDS => 10,   # of a verdict: before a node's own health check may have restarted it
  PAUSE_SECONDS => 0.5,
  ALONE_SECONDS => 10,   # without nginx
};

$| = 1;
$SIG{TERM} = sub { exit 0 };
my ($port, @told) = @ARGV;
my %nodes;
while (my ($name, $host, $at) = splice @told, 0, 3) { $nodes{$name} = [$host, $at] }
# Nothing has this address: a kernel that can do it finds nothing to close.
my $able = destroy(AF_INET, pack("n n x32 L L2", 1, 1, 0, ~0 & 0xffffffff, ~0 & 0xffffffff));
if (!$able && !$!{ENOENT}) {
  print "closes nothing, since this kernel has no CONFIG_INET_DIAG_DESTROY: $!\n";
  sleep while 1;
}

my $heard = time;
my (%proven, %since);
while (1) {
  my $verdicts = get("127.0.0.1", $port, "/verdict/");
  if ($verdicts =~ /^HTTP\S+ 200 /) { $heard = time; look($verdicts) }
  # The namespace of a front that was restarted is another one: Docker starts this anew in it.
  elsif (time - $heard > ALONE_SECONDS) { print "nginx does not answer\n"; exit 1 }
  select undef, undef, undef, PAUSE_SECONDS;
}

# Closes what should be, by the verdicts on all nodes.
sub look {
  my ($verdicts) = @_;
  my (%state, %wedged);
  # Quotes within a model's name are escaped, so that no name looks like another node.
  while ($verdicts =~ /"([\w.-]+)":\{"state":"(\w+)","models":\{(.*?)\}\}/g) {
    my ($name, $state, $models) = ($1, $2, $3);
    next unless $nodes{$name};
    $state{$name} = $state;
    $proven{$name} = 1 if $models =~ /":"ok"/;
    # What another model of it has yet to answer must not be lost.
    next if $state ne "wedged" || $models =~ /":"(ok|quiet)"/;
    $since{$name} = time if delete $proven{$name};
    $wedged{$name} = 1 if time - ($since{$name} // 0) <= FRESH_SECONDS;
  }
  close_idle($_, "wedged", PROBED_MS) for sort keys %wedged;
  my @doubted = grep { $state{$_} =~ /^(quiet|gone)$/ && idle($_, QUIET_MS) } sort keys %state;
  close_idle($_, $state{$_}, QUIET_MS) for frozen(@doubted);
}

sub close_idle {
  my ($name, $state, $ms) = @_;
  my $closed = grep { destroy(@$_) or $!{ENOENT} ? 0 : die "connections cannot be closed: $!\n" } idle($name, $ms);
  print "node $name is $state: connections closed: $closed\n" if $closed;
}

# Those that give no sign of life to a connection of their own. Refused is a sign, too: of a process that is not frozen.
sub frozen {
  my %asked;
  for my $name (@_) {
    my $pid = fork // next;
    if ($pid) { $asked{$pid} = $name; next }
    alarm ANSWER_SECONDS;
    my ($host, $at) = @{$nodes{$name}};
    exit(get($host, $at, "/") ne "" || $!{ECONNREFUSED} || $!{ECONNRESET} || !$! ? 0 : 1);
  }
  my @frozen;
  while ((my $pid = wait) > 0) { push @frozen, $asked{$pid} if $? }
  return sort @frozen;
}

# The answer to a request, as much as comes at once; empty, with $! set, where none did.
sub get {
  my ($host, $at, $path) = @_;
  my ($to) = addresses($host, $at);
  $! = Errno::EHOSTUNREACH;
  return "" unless $to;
  socket my $socket, $to->{family}, SOCK_STREAM, 0 or return "";
  setsockopt $socket, SOL_SOCKET, SO_RCVTIMEO, pack("l! l!", ANSWER_SECONDS, 0);
  setsockopt $socket, SOL_SOCKET, SO_SNDTIMEO, pack("l! l!", ANSWER_SECONDS, 0);
  connect $socket, $to->{addr} or return "";
  syswrite $socket, "GET $path HTTP/1.0\r\nHost: localhost\r\nUser-Agent: ollama-mesh\r\n\r\n" or return "";
  my $answer = "";
  $! = 0;
  while (sysread $socket, my $part, 65536) {
    $answer .= $part;
    last if $path eq "/";
  }
  return $answer;
}

sub addresses {
  my ($host, $at) = @_;
  my ($error, @found) = getaddrinfo($host, $at, { socktype => SOCK_STREAM });
  return @found;
}

# Established connections to a node that have carried nothing for so long: family and id of each.
sub idle {
  my ($name, $ms) = @_;
  my @idle;
  for my $address (addresses(@{$nodes{$name}})) {
    my $v4 = $address->{family} == AF_INET;
    my ($at, $ip) = $v4 ? unpack_sockaddr_in $address->{addr} : unpack_sockaddr_in6 $address->{addr};
    my $to = pack "n a16", $at, $ip;
    for my $found (established($address->{family})) {
      my ($id, $silent) = @$found;
      my ($dport, $dst) = unpack "x2 a2 x16 a16", $id;
      push @idle, [$address->{family}, $id] if "$dport$dst" eq $to && $silent >= $ms;
    }
  }
  return @idle;
}

# All established connections of a family: the id of each, and the milliseconds since anything was sent or received.
sub established {
  my ($family) = @_;
  my @found;
  my $diag = request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, $family, "\0" x 48) or return;
  while (defined recv $diag, my $all, 1 << 20, 0) {
    while (length $all >= 16) {
      my ($length, $type) = unpack "L S", $all;
      return @found if $type == NLMSG_DONE || $type == NLMSG_ERROR || $length < 16;
      my $message = substr $all, 16, $length - 16;
      substr $all, 0, ($length + 3) & ~3, "";
      my $id = substr $message, 4, 48;
      for (my $at = 72; $at + 4 <= length $message;) {
        my ($size, $kind) = unpack "S S", substr $message, $at, 4;
        last if $size < 4;
        if ($kind == TCP_INFO) {
          my ($sent, undef, $received) = unpack "x44 L3", substr $message, $at + 4, $size - 4;
          push @found, [$id, $sent < $received ? $sent : $received];
        }
        $at += ($size + 3) & ~3;
      }
    }
  }
  return;
}

# Closes a connection by its id. False, with $! set, where that failed.
sub destroy {
  my ($family, $id) = @_;
  my $diag = request(SOCK_DESTROY, NLM_F_ACK, $family, $id) or return;
  defined recv $diag, my $answer, 4096, 0 or return;
  $! = -unpack "x16 l", $answer;
  return $! == 0;
}

# Sends a request about TCP connections to the kernel. Struct inet_diag_req_v2 of linux/inet_diag.h.
sub request {
  my ($type, $flags, $family, $id) = @_;
  socket my $diag, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG or return;
  my $body = pack("C4 L", $family, IPPROTO_TCP, 1 << (TCP_INFO - 1), 0, 1 << ESTABLISHED) . $id;
  my $head = pack "L S S L L", 16 + length $body, $type, NLM_F_REQUEST | $flags, 1, 0;
  send $diag, $head . $body, 0, pack("S S L L", AF_NETLINK, 0, 0, 0) or return;
  return $diag;
}
