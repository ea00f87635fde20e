import { MATCH, NO, type Signature, Verdict } from '../signature.ts'

/*
 * MQTT: CONNECT, the only packet a client may begin with (MQTT 3.1.1 and 5.0, §3.1).
 *
 *   type 1, flags 0; remaining length, 1–4 bytes of 7 bits each; 00 04 "MQTT" 04 / 05, or 00 06 "MQIsdp" 03
 *
 * The least remaining length is 12 (§3.1.2, §3.1.3.1), and is written in as few bytes as it can be (MQTT 5.0
 * §1.5.5: a MUST there; no client of 3.1.1 is known to do otherwise). Wider: of 03 and 04 the top bit may be set, as
 * Mosquitto's bridges have it unless they are told otherwise (`try_private`).
 */
const TYPE = 0
const LENGTH = 1
const LENGTH_2 = 2
const LENGTH_3 = 3
const LENGTH_4 = 4
const NAME_HIGH = 5
const NAME_LOW = 6
const MQTT = 7 // MQTT + n: n bytes of it read
const MQTT_LEVEL = MQTT + 4
const MQISDP = MQTT_LEVEL + 1 // MQISDP + n: n bytes of it read
const MQISDP_LEVEL = MQISDP + 6

const NAME = 'MQTT'
const OLD_NAME = 'MQIsdp'
const SHORTEST = 12

/** MQTT 3.1, 3.1.1 and 5.0, by CONNECT: decides at the protocol level, the 9th to 14th byte (§3.1.2.2). */
export const mqtt: Signature = { name: 'mqtt', verdict: Verdict.mqtt, step: stepMqtt }

function stepMqtt(state: number, byte: number): number {
  switch (state) {
    case TYPE:
      return byte === 0x10 ? LENGTH : NO
    case LENGTH:
      if (byte >= 0x80) return LENGTH_2
      return byte >= SHORTEST ? NAME_HIGH : NO
    case LENGTH_2:
    case LENGTH_3:
      if (byte >= 0x80) return state + 1
      return byte !== 0x00 ? NAME_HIGH : NO
    case LENGTH_4:
      return byte !== 0x00 && byte < 0x80 ? NAME_HIGH : NO
    case NAME_HIGH:
      return byte === 0x00 ? NAME_LOW : NO
    case NAME_LOW:
      if (byte === NAME.length) return MQTT
      return byte === OLD_NAME.length ? MQISDP : NO
    case MQTT_LEVEL:
      return (byte & 0x7f) === 4 || byte === 5 ? MATCH : NO
    case MQISDP_LEVEL:
      return (byte & 0x7f) === 3 ? MATCH : NO
    default:
      if (state < MQTT_LEVEL) return byte === NAME.charCodeAt(state - MQTT) ? state + 1 : NO
      return byte === OLD_NAME.charCodeAt(state - MQISDP) ? state + 1 : NO
  }
}
