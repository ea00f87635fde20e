# A server on Debian's ruby-em-websocket, of every version: what comes goes back.
# usage: server.rb [KEY CERTIFICATE]; its port leaves on standard output as a JSON line.
# 'close me' is answered with a close, 'ping me' with a ping, whose pong is told as 'pong: DATA'.
require 'em-websocket'
require 'json'

key, certificate = ARGV
options = { host: '127.0.0.1', port: 0 }
if key
  options.update(secure: true, tls_options: { private_key_file: key, cert_chain_file: certificate })
end

EM.run do
  server = EM::WebSocket.run(options) do |socket|
    socket.onmessage do |text|
      case text
      when 'close me' then socket.supports_close_codes? ? socket.close(3001, 'as you like') : socket.close
      when 'ping me' then socket.ping('knock')
      else socket.send(text)
      end
    end
    socket.onbinary { |data| socket.send_binary(data) }
    socket.onpong { |data| socket.send("pong: #{data}") }
    socket.onclose { |event| $stdout.puts(JSON.generate(event: 'close', code: event[:code], reason: event[:reason], clean: event[:was_clean])); $stdout.flush }
    socket.onerror { |error| $stdout.puts(JSON.generate(event: 'error', message: error.message)); $stdout.flush }
  end
  port, = Socket.unpack_sockaddr_in(EM.get_sockname(server))
  $stdout.puts(JSON.generate(event: 'listening', port: port))
  $stdout.flush
end
