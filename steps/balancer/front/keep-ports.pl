# Process 1 of the balancer's container, which owns its ports while nginx comes and goes beside it.
#
# It listens on each port, too, and keeps its own socket behind those of nginx: a program in the kernel gives new
# connections to the first sockets of the port only. When no nginx listens, they wait in its queue, and with
# tcp_migrate_req the kernel hands them to the next nginx that listens: so one that is killed or restarted costs only
# what it was doing. An nginx that comes gets nothing while the one before still listens. When none comes, as after a
# restart of an engine before 29 (moby 50326), it starts one itself, until another listens.
#
# Runs in the nginx image, as nginx's user; all nginx of the balancer share its network and its processes.
#
#   $1   nginx's config
#   $2…  ports, the clients' first
#   HUP  is passed on to nginx; QUIT and TERM let nginx end first; after USR1 nobody listens, once nginx is told so, too
use strict;
use warnings;
use POSIX ":sys_wait_h";
use Socket;

use constant { SO_REUSEPORT => 15, SO_ATTACH_REUSEPORT_CBPF => 51 };    # Linux, asm-generic/socket.h
my $LOOK_SECONDS  = 0.25;
my $ALONE_SECONDS = 1;                                                  # until it starts an nginx of its own
my $STOP_SECONDS  = 4;                                                  # less than Docker waits before it kills

my ($config, @ports) = @ARGV;
my %kept = map { $_ => { nginx => 0 } } @ports;    # by port: its own socket, and how many of nginx's it stands behind
my ($own, $own_sockets, $alone);                   # its own nginx: process, sockets; since when no nginx listens
my ($ended, $retired) = (0, 0);

$SIG{HUP}  = sub { kill "HUP", masters() };
$SIG{USR1} = sub { $retired = 1 };
$SIG{QUIT} = $SIG{TERM} = sub { $ended = time };
my $queue = migrates();
$| = 1;

until ($ended) {
    reap();
    if ($retired) { retire(); next }
    my %listening = listening();
    for my $port ($queue ? @ports : ()) { keep($port, $listening{$port} // 0) }
    stand_in(($listening{ $ports[0] } // 0) - ($kept{ $ports[0] }{socket} ? 1 : 0));
    pause();
}
kill "QUIT", masters();
while (masters() && time - $ended < $STOP_SECONDS) { reap(); select undef, undef, undef, 0.1 }

# Whether the kernel hands on what waits in a queue.
sub migrates {
    open my $file, "<", "/proc/sys/net/ipv4/tcp_migrate_req" or return 0;
    return <$file> == 1;
}

# Listens no more, and waits until it is ended: its nginx may have streams.
sub retire {
    for my $state (values %kept) { close delete $state->{socket} if $state->{socket} }
    kill "QUIT", $own if $own;
    $own = undef;
    select undef, undef, undef, $LOOK_SECONDS;
}

# Stands behind nginx's sockets, or holds the port alone.
sub keep {
    my ($port, $all) = @_;
    my $state = $kept{$port};
    my $nginx = $all - ($state->{socket} ? 1 : 0);
    my $known = $state->{nginx};
    my $again = !$state->{socket}
        || $nginx && ($nginx < $known || !$known || waits($state->{socket}))
        || $nginx > $known && serving() == 1;    # more workers
    if ($again) {
        # What waits in its queue goes to nginx.
        close delete $state->{socket} if $state->{socket};
        $state->{socket} = listen_behind($port, $nginx);
        $state->{nginx} = $nginx;
    } elsif (!$nginx) {
        $state->{nginx} = 0;
    }
}

# Listens on a port; new connections go to the first sockets of it.
sub listen_behind {
    my ($port, $first) = @_;
    socket my $socket, PF_INET, SOCK_STREAM, 0 or die "socket: $!";
    setsockopt $socket, SOL_SOCKET, SO_REUSEADDR, 1 or die "SO_REUSEADDR: $!";
    setsockopt $socket, SOL_SOCKET, SO_REUSEPORT, 1 or die "SO_REUSEPORT: $!";
    bind $socket, sockaddr_in($port, INADDR_ANY) or return undef;    # an nginx without reuseport has it
    listen $socket, SOMAXCONN or return undef;
    return $socket unless $first;
    # Classic BPF: A = a random number; A %= first; return A.
    my $code = pack "(SCCL)*", 0x20, 0, 0, 0xfffff000 + 56, 0x94, 0, 0, $first, 0x16, 0, 0, 0;
    setsockopt $socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, pack "S x![P] P", 3, $code or die "BPF: $!";
    return $socket;
}

# Starts an nginx of its own where none has come, and sends it off when another listens.
sub stand_in {
    my ($sockets) = @_;
    if ($own) {
        $own_sockets ||= $sockets;
        return if serving() < 2 || $sockets <= $own_sockets;
        print "the front's own nginx goes: another one serves\n";
        kill "QUIT", $own;
        $own = undef;
        return;
    }
    $alone = $sockets ? undef : $alone // time;
    return if $sockets || time - $alone <= $ALONE_SECONDS || !-e $config || !reachable();
    print "no nginx serves: the front starts one of its own\n";
    unlink glob "/tmp/*.sock";    # of one that was killed
    ($own_sockets, $alone) = (0, undef);
    defined($own = fork) or die "fork: $!";
    return if $own;
    $SIG{$_} = "DEFAULT" for "HUP", "QUIT", "TERM";
    exec "nginx", "-e", "stderr", "-c", $config, "-g", "daemon off;" or die "nginx: $!";
}

# Whether the container is in a network.
sub reachable { grep { !m{/lo$} } glob "/sys/class/net/*" }

# Whether a connection waits to be accepted.
sub waits {
    my ($socket) = @_;
    vec(my $set = "", fileno $socket, 1) = 1;
    return 0 < select $set, undef, undef, 0;
}

# Waits for the next look: until a connection comes that is not its own to take, or the time is over.
sub pause {
    my $set = "";
    for my $state (values %kept) { vec($set, fileno $state->{socket}, 1) = 1 if $state->{socket} && $state->{nginx} }
    select $set, undef, undef, $LOOK_SECONDS;
}

# How many sockets listen on each port, its own among them. The kernel lists those first.
sub listening {
    my %count;
    open my $table, "<", "/proc/net/tcp" or die "/proc/net/tcp: $!";
    <$table>;
    while (<$table>) {
        my (undef, $local, undef, $state) = split;
        last if $state ne "0A";
        $count{ hex $1 }++ if $local =~ /^00000000:(....)$/;
    }
    return %count;
}

# Processes of nginx that start workers.
sub masters {
    my @found;
    for (glob "/proc/[0-9]*/cmdline") {
        open my $file, "<", $_ or next;
        my $title = <$file> // "";
        push @found, m{(\d+)} if $title =~ /^nginx: master process/;
    }
    return @found;
}

# Those of them that take connections: one that was sent off has removed its socket.
sub serving { grep { -S "/proc/$_/root/tmp/mesh.sock" } masters() }

sub reap {
    while ((my $gone = waitpid -1, WNOHANG) > 0) {
        $own = undef if $own && $gone == $own;
    }
}
