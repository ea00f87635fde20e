# A client on Debian's ruby-websocket, a library of frames and handshakes without a socket of its own.
# usage: client.rb URL VERSION OPTIONS; actions come as JSON lines on standard input, events leave on standard output.
require 'base64'
require 'json'
require 'openssl'
require 'socket'
require 'uri'
require 'websocket'

# The library strips white space from the MD5 answer of hixie-76 and from the answer that it is compared with,
# so that a twentieth of all keys fails: these are the keys of one seed that works.
srand(2)

$stdout.sync = true
$stdout.binmode
url, version, options = ARGV[0], ARGV[1].to_i, JSON.parse(ARGV[2])
$version = version
uri = URI.parse(url)

def tell(event)
  $stdout.write(JSON.generate(event) + "\n")
end

def fail_with(message)
  tell(event: 'error', message: message)
  exit 1
end

socket = TCPSocket.new(uri.host, uri.port)
socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
if uri.scheme == 'wss'
  context = OpenSSL::SSL::SSLContext.new
  context.verify_mode = OpenSSL::SSL::VERIFY_NONE
  socket = OpenSSL::SSL::SSLSocket.new(socket, context)
  socket.sync_close = true
  socket.connect
end

def frame(type, data, code = nil)
  bytes = WebSocket::Frame::Outgoing::Client.new(version: $version, type: type, data: data, code: code).to_s
  fail_with("no frame of #{type}") if bytes.nil? || bytes.empty?
  bytes.b
end

# Reads until `done` holds for what has come.
def read_until(socket, input)
  until yield(input)
    chunk = socket.readpartial(65_536)
    input << chunk
  end
  input
rescue EOFError
  fail_with("the connection ended in the handshake: #{input.inspect}")
end

scheme = uri.scheme == 'wss' ? 'https' : 'http'
handshake = WebSocket::Handshake::Client.new(
  url: url, version: version,
  origin: options['origin'] || "#{scheme}://#{uri.host}:#{uri.port}",
  protocols: options['protocols'] || []
)
keyed = version == 76 || version <= 3
request = handshake.to_s.b
input = ''.b
headed = ->(bytes) { bytes.include?("\r\n\r\n") }
case options['delivery']
when 'late'
  socket.write(request[0...-8])
  read_until(socket, input, &headed)
  tell(event: 'headed')
  socket.write(request[-8..])
when 'split'
  request.each_char.each_slice(request.size - 6) { |part| socket.write(part.join); sleep 0.02 }
when 'glued'
  socket.write(request + frame(:text, 'glued to the handshake'))
else
  socket.write(request)
end

read_until(socket, input, &headed)
size = input.index("\r\n\r\n") + 4
unless input.start_with?('HTTP/1.1 101')
  fail_with("refused: #{input.lines.first.strip}")
end
size += 16 if keyed
read_until(socket, input) { |bytes| bytes.bytesize >= size }
handshake << input.byteslice(0, size)
fail_with("the handshake is not valid: #{handshake.error} #{input.inspect}") unless handshake.finished? && handshake.valid?
headers = handshake.headers
tell(event: 'open', subprotocol: headers['sec-websocket-protocol'] || headers['websocket-protocol'])

decoder = WebSocket::Frame::Incoming::Client.new(version: version)
decoder << input.byteslice(size..)
closing = false

receive = lambda do
  while (found = decoder.next)
    case found.type
    when :text, :binary, :pong
      tell(event: found.type, data: Base64.strict_encode64(found.data.b))
    when :ping
      socket.write(frame(:pong, found.data))
    when :close
      tell(event: 'close', code: found.code, reason: found.data.to_s.dup.force_encoding('UTF-8'))
      socket.write(frame(:close, '', found.code)) unless closing
      closing = true
    end
  end
  fail_with("the frame is not valid: #{decoder.error}") if decoder.error?
end

act = lambda do |action|
  data = Base64.decode64(action['data'] || '')
  case action['do']
  when 'text' then socket.write(frame(:text, data.force_encoding('UTF-8')))
  when 'binary', 'ping' then socket.write(frame(action['do'].to_sym, data))
  when 'close'
    closing = true
    # hixie-75 has no close frame: it ends with TCP.
    if version == 75 then socket.close_write
    else socket.write(frame(:close, action['reason'] || '', action['code']))
    end
  else fail_with("cannot #{action['do']}")
  end
end

receive.call
lines = ''.b
raw = socket.is_a?(TCPSocket) ? socket : socket.to_io
watched = [raw, $stdin]
loop do
  pending = socket.respond_to?(:pending) && socket.pending.positive?
  ready = pending ? [raw] : IO.select(watched)[0]
  if ready.include?(raw)
    begin
      decoder << socket.read_nonblock(65_536)
      receive.call
    rescue IO::WaitReadable
      # A part of a TLS record.
    rescue EOFError, Errno::ECONNRESET
      tell(event: 'end')
      exit
    end
  end
  next unless ready.include?($stdin)
  begin
    lines << $stdin.read_nonblock(1 << 20)
  rescue EOFError
    watched.delete($stdin)
  end
  while (line = lines.slice!(/\A[^\n]*\n/))
    act.call(JSON.parse(line))
  end
end
