/** WebSockets that carry one connection to a pod after another, so that few of them need a handshake. */
import { SpdySession } from './spdy-session.ts'
import type { Pod } from './tunnel.ts'
import type { WebSocket } from './websocket.ts'

/** How long an unused WebSocket stays open. Shorter than the restart of a pod that keeps its name. */
const IDLE_MS = 30_000
/** Unused WebSockets per pod. */
const MOST_IDLE = 32

export class SessionPool {
  /** The session that was used last is the last. */
  readonly #podOf = new Map<SpdySession, string>()

  /** Returns the session to the pod that was used last, of those that can open a connection. */
  available(pod: Pod): SpdySession | undefined {
    const key = keyOf(pod)
    let last: SpdySession | undefined
    for (const [session, sessionKey] of this.#podOf) if (sessionKey === key && session.isAvailable) last = session
    return last
  }

  /** Takes over a WebSocket to the pod. */
  add(pod: Pod, socket: WebSocket): SpdySession {
    let timer: NodeJS.Timeout | undefined
    const session: SpdySession = new SpdySession(socket, {
      busy: () => {
        clearTimeout(timer)
        this.#podOf.delete(session)
        this.#podOf.set(session, keyOf(pod))
      },
      idle: () => {
        if (this.#idleOf(pod) > MOST_IDLE) session.close()
        else timer = setTimeout(() => session.close(), IDLE_MS).unref()
      },
      failed: () => {
        for (const [each, key] of [...this.#podOf]) if (key === keyOf(pod)) each.retire()
      },
      closed: () => {
        clearTimeout(timer)
        this.#podOf.delete(session)
      },
    })
    return session
  }

  /** Closes all WebSockets. */
  close(): void {
    for (const session of [...this.#podOf.keys()]) session.close()
  }

  #idleOf(pod: Pod): number {
    const key = keyOf(pod)
    let idle = 0
    for (const [session, sessionKey] of this.#podOf) if (sessionKey === key && session.isIdle) idle += 1
    return idle
  }
}

const keyOf = ({ namespace, name }: Pod) => `${namespace}/${name}`
