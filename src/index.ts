export type { Client, Protocol } from './node/client/client.ts'
export type { WebMessage } from './node/client/message-queue.ts'
export type { DoorStats } from './node/door/counters.ts'
export type { ForwardTarget } from './node/door/forwarding.ts'
export type { ForwardedOption, ProxyOption } from './node/door/proxy-trust.ts'
export type {
  DatagramHandler,
  DatagramName,
  RouteHandler,
  RouteMatch,
  RouteTarget,
} from './node/door/routes.ts'
export { PortmanteauError } from './node/errors.ts'
export type { Request } from './node/http/request.ts'
export type { HttpWriter } from './node/http/writer.ts'
export { compileOrigins, type OriginPattern } from './node/limits/allowed-origins.ts'
export type {
  FramingName,
  OriginTest,
  PolicyRule,
  RawOptions,
  ServerOptions,
  Version,
} from './node/limits/server-options.ts'
export type { Stats } from './node/reception.ts'
export type { SessionsOptions, TransportName } from './node/sessions/options.ts'
export type { SessionDetails } from './node/sessions/session-details.ts'
export type { Credentials, SniCallback, SniOption } from './node/tls/certificates.ts'
export { type Certificate, selfSignedCertificate } from './node/tls/self-signed.ts'
export type { TlsDetails } from './node/tls/tls-endpoint.ts'
export type { DatagramDuplex } from './node/udp/datagram-duplex.ts'
export type { CompressionOptions } from './node/websocket/compression-options.ts'
export type {
  UpgradeAcceptance,
  UpgradeDecision,
  UpgradeHook,
  UpgradeRefusal,
} from './node/websocket/upgrade.ts'
export { type ConnectOptions, connect } from './node/websocket-client/connect.ts'
export type { WebSocketClient, WebSocketClientEvents } from './node/websocket-client/websocket-client.ts'
export type { Data, FieldValue, WriteOptions, Writer } from './node/writer.ts'
export { type ClientOrId, type MessageListener, Server, type ServerEvents } from './server.ts'
