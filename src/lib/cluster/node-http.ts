/**
 * node:http without importing it. An import evaluates all its exports, and its WebSocket loads undici (nodejs/node
 * lib/http.js, lazyUndici), which adds 50 ms to every start.
 */
export const { Agent: HttpAgent, request: httpRequest } = process.getBuiltinModule('node:http')
