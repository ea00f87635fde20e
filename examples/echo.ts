/** Answers every client with its own message. `node --import tsx examples/echo.ts`, then `curl -d hello localhost:8080`. */
import { Server } from 'portmanteau'

const server = new Server((message, _socket, writer) => {
  writer.write(message)
})

server.listen(8080, () => console.log('echoing on port 8080'))
