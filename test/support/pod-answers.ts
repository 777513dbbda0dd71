/** What a port of a pod answers, without a server. */
import { Duplex } from 'node:stream'

/** A connection on which every request is answered with this body. */
export function httpAnswer(body: string): Duplex {
  return new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      this.push(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`)
      this.push(null)
      done()
    },
  })
}
