# A node that looks alive. "500" fails whatever asks a model; "wedged" answers once, for the ready gate,
# and then lets every request hang while version and tags go on being answered. "wedges" answers, and hangs
# in the same way for as long as there is a file /tmp/wedged.
use strict;
use IO::Socket::INET;
$SIG{CHLD} = $SIG{PIPE} = 'IGNORE';
my $server = IO::Socket::INET->new(LocalPort => 11434, Listen => 512, ReuseAddr => 1) or die "$!";
while (my $client = $server->accept) {
    next if fork;
    while (defined(my $line = <$client>)) {
        my (undef, $path) = split / /, $line;
        my $length = 0;
        while (defined(my $header = <$client>)) {
            last if $header =~ /^\r?\n$/;
            $length = $1 if $header =~ /^content-length: *(\d+)/i;
        }
        read $client, my $body, $length if $length;
        my ($status, $answer) = answer($path, $body // '');
        print $client "HTTP/1.1 $status\r\nContent-Type: application/json\r\nContent-Length: ",
            length $answer, "\r\n\r\n$answer";
        $client->flush;
    }
    exit;
}

sub answer {
    my ($path, $body) = @_;
    return ('200 OK', '{"version":"0.0.0-acting"}') if $path eq '/api/version';
    return ('200 OK', '{"models":[' . join(',', map {"{\"name\":\"$_\"}"} models()) . ']}')
        if $path eq '/api/tags';
    return ('500 Internal Server Error', '{"error":"the runner has died"}')
        if $ENV{MESH_LIVE_ACTS} eq '500';
    return ('200 OK', '{"models":[' . join(',', map {"{\"name\":\"$_\",\"size\":1}"} models()) . ']}')
        if $ENV{MESH_LIVE_ACTS} eq 'wedges' and $path eq '/api/ps';
    if ($ENV{MESH_LIVE_ACTS} eq 'wedges') {
        sleep 1;
        sleep 1 while -e '/tmp/wedged';
        return ('200 OK', '{"response":"hi","done":true}');
    }
    if (-e '/tmp/answered') { sleep }
    open my $mark, '>', '/tmp/answered';
    return ('200 OK', '{"response":"hi","done":true}');
}

sub models {
    my $root = '/root/.ollama/models/manifests/registry.ollama.ai/library';
    return map { m{([^/]+)/([^/]+)$} ? "$1:$2" : () } glob "$root/*/*";
}
