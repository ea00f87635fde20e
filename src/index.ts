export type { Client, Protocol } from './node/client/client.ts'
export type { WebMessage } from './node/client/message-queue.ts'
export { PortmanteauError } from './node/errors.ts'
export type { Request } from './node/http/request.ts'
export type { HttpWriter } from './node/http/writer.ts'
export type { ServerOptions } from './node/limits/options.ts'
export type { Stats } from './node/reception.ts'
export { type Certificate, selfSignedCertificate } from './node/tls/self-signed.ts'
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
