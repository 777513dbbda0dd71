/**
 * node:http without an import of it. An import gives it a namespace of all its names, and with its WebSocket comes
 * undici (nodejs/node lib/http.js, lazyUndici): 50 ms of every start.
 */
export const { Agent: HttpAgent, request: httpRequest } = process.getBuiltinModule('node:http')
