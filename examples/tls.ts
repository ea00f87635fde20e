/**
 * Plain and encrypted clients on one port, with a certificate made for this run.
 * `node --import tsx examples/tls.ts`, then `curl -k -d hello https://localhost:8443/` or `curl -d hello http://localhost:8443/`.
 */
import { Server, selfSignedCertificate } from 'portmanteau'

const { key, cert, fingerprint } = selfSignedCertificate()
const server = new Server(
  (_message, socket, writer) => void writer.write(`encrypted: ${socket.encrypted}\n`),
  { key, cert },
)

server.listen(8443, () => console.log(`port 8443, certificate ${fingerprint}`))
