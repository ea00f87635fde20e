# A client on Debian's libprotocol-websocket-perl, a library of frames and handshakes without a socket of its own.
# usage: client.pl URL VERSION OPTIONS; actions come as JSON lines on standard input, events leave on standard output.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64;
use Protocol::WebSocket::Frame;
use Protocol::WebSocket::Handshake::Client;
use Protocol::WebSocket::URL;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

my %DRAFTS = (
    75 => 'draft-hixie-75',
    76 => 'draft-ietf-hybi-00',
    8  => 'draft-ietf-hybi-10',
    13 => 'draft-ietf-hybi-17',
);
my %KINDS = (1 => 'text', 2 => 'binary', 10 => 'pong');

binmode STDOUT;
$| = 1;
my ($url, $version, $options) = @ARGV;
$options = decode_json($options);
my $draft = $DRAFTS{$version} or die "no version $version";
my $hixie = $version > 70;

sub tell_event { print encode_json({@_}), "\n" }
sub fail_with { tell_event(event => 'error', message => shift); exit 1 }

my $parsed = Protocol::WebSocket::URL->new->parse($url);
my $socket = IO::Socket::INET->new(PeerAddr => $parsed->host, PeerPort => $parsed->port) or fail_with("connect: $!");
setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1);
binmode $socket;

sub put {
    my $bytes = shift;
    while (length $bytes) {
        my $written = syswrite($socket, $bytes) or fail_with("write: $!");
        substr($bytes, 0, $written, '');
    }
}

sub frame {
    return Protocol::WebSocket::Frame->new(
        version => $draft, masked => !$hixie, max_payload_size => 0, buffer => '', @_)->to_bytes;
}

my $handshake = Protocol::WebSocket::Handshake::Client->new(url => $url, version => $draft);
$handshake->req->origin($options->{origin}) if $options->{origin};
$handshake->req->subprotocol(join ', ', @{$options->{protocols}}) if $options->{protocols};
my $request = $handshake->to_string;
my $delivery = $options->{delivery} || '';
if ($delivery eq 'split') {
    put(substr $request, 0, -3);
    select undef, undef, undef, 0.03;
    put(substr $request, -3);
}
elsif ($delivery eq 'glued') { put($request . frame(type => 'text', buffer => 'glued to the handshake')) }
else                         { put($request) }

my $input = '';
until ($handshake->is_done) {
    sysread($socket, $input, 65_536) or fail_with('the connection ended in the handshake');
    # It takes what it needs, and leaves the rest.
    $handshake->parse($input) or fail_with('the handshake is not valid: ' . $handshake->error);
}
tell_event(event => 'open', subprotocol => $handshake->res->subprotocol);

my $decoder = Protocol::WebSocket::Frame->new(version => $draft, max_payload_size => 0);
my $closing = 0;

sub receive {
    $decoder->append(my $bytes = shift);
    while (defined(my $data = $decoder->next_bytes)) {
        my $opcode = $hixie && !$decoder->is_close ? 1 : $decoder->opcode;
        $decoder->opcode(1) if $hixie;
        if (my $kind = $KINDS{$opcode}) {
            tell_event(event => $kind, data => encode_base64($data, ''));
        }
        elsif ($opcode == 9) { put(frame(type => 'pong', buffer => $data)) }
        elsif ($opcode == 8) {
            my %status = length $data >= 2 ? (code => unpack('n', $data), reason => Encode::decode('UTF-8', substr $data, 2)) : ();
            tell_event(event => 'close', %status);
            put(frame(type => 'close', buffer => substr $data, 0, 2)) unless $closing;
            $closing = 1;
        }
    }
}

sub act {
    my $action = shift;
    my $data = decode_base64($action->{data} // '');
    my $do = $action->{do};
    if ($do eq 'text' || $do eq 'binary' || $do eq 'ping') { put(frame(type => $do, buffer => $data)) }
    elsif ($do eq 'fragments') {
        my @parts = map { decode_base64($_) } @{$action->{parts}};
        for my $at (0 .. $#parts) {
            put(frame(type => $at ? 'continuation' : 'text', fin => $at == $#parts ? 1 : 0, buffer => $parts[$at]));
        }
    }
    elsif ($do eq 'close') {
        $closing = 1;
        if ($version == 75) { shutdown($socket, 1) }    # hixie-75 has no close frame: it ends with TCP
        else {
            my $status = defined $action->{code} ? pack('n', $action->{code}) . Encode::encode('UTF-8', $action->{reason} // '') : '';
            put(frame(type => 'close', buffer => $status));
        }
    }
    else { fail_with("cannot $do") }
}

receive($input);
my $watched = IO::Select->new($socket, \*STDIN);
my $lines = '';
while (1) {
    for my $ready ($watched->can_read) {
        if ($ready == $socket) {
            if (!sysread($socket, my $chunk, 65_536)) { tell_event(event => 'end'); exit }
            else { receive($chunk) }
        }
        elsif (!sysread(STDIN, $lines, 1 << 20, length $lines)) { $watched->remove(\*STDIN) }
        else {
            while ($lines =~ s/^([^\n]*)\n//) { act(decode_json($1)) }
        }
    }
}
