import { createConnection, createServer, type Server } from 'node:net'
import { LabError, say } from './progress.ts'

// An abstract socket: machine-wide, and closed when its holder ends for any reason.
const address = '\0cass-sni-lab'

/** Runs `work` once no other `up`, `down` or `build` is running on this machine, and reports which one it waits for. */
export async function withLock<T>(purpose: string, work: () => Promise<T>): Promise<T> {
  const description = `${purpose} (process ${process.pid}, ${process.cwd()})`
  const deadline = Date.now() + 45 * 60_000
  for (;;) {
    const server = await hold(description)
    if (server) {
      try {
        return await work()
      } finally {
        server.close()
        server.closeAllConnections?.()
      }
    }
    if (Date.now() > deadline) throw new LabError('another lab command has been running for 45 minutes; stop it first')
    await untilReleased()
  }
}

type Lock = Server & { closeAllConnections?: () => void }

function hold(description: string): Promise<Lock | undefined> {
  return new Promise((resolve, reject) => {
    const waiting = new Set<import('node:net').Socket>()
    const server: Lock = createServer((socket) => {
      waiting.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => waiting.delete(socket))
      socket.write(description)
    })
    server.closeAllConnections = () => {
      for (const socket of waiting) socket.destroy()
    }
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    server.listen(address, () => resolve(server))
  })
}

/** Resolves when the holder has ended. */
function untilReleased(): Promise<void> {
  return new Promise((resolve) => {
    const socket = createConnection(address)
    socket.once('data', (text) => say(`waiting for another lab command: ${text}`))
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })
}
