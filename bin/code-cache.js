// Runs the program with its compiled code from a cache. Node's compile cache (node:module, enableCompileCache) holds what
// V8 compiles when it loads a file; this one also holds the functions that a run calls, which saves a third of a start.
const { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { basename, dirname, join } = require('node:path')
const { Script } = require('node:vm')
const { crc32 } = require('node:zlib')

/** The parameters of a CommonJS module. */
const HEAD = '(function (exports, require, module, __filename, __dirname) {'
/** A checksum of the compiled code precedes it: V8 does not verify one. */
const CHECKSUM_BYTES = 4

/**
 * Evaluates a CommonJS file of ASCII characters, and the files that it requires by relative paths. Returns its exports,
 * and a function that writes the cache if it is missing or outdated.
 *
 * @param {string} file
 * @param {string | undefined} directory a directory that only this user can write to: V8 executes its content unchecked
 * @param {string} run distinguishes runs that call different functions; characters of a file name
 */
function loadCached(file, directory, run) {
  const modules = new Map()
  const uncached = []
  const load = (path) => {
    const known = modules.get(path)
    if (known !== undefined) return known.exports
    const source = `${HEAD}${readFileSync(path, 'latin1')}\n})`
    const saved = directory && join(directory, nameOf(path, run, source))
    const cachedData = saved && readChecked(saved)
    const script = new Script(source, { filename: path, columnOffset: -HEAD.length, cachedData })
    if (saved !== undefined && (cachedData === undefined || script.cachedDataRejected)) uncached.push({ script, saved })
    const module = { exports: {} }
    modules.set(path, module)
    const fromDisk = createRequire(path)
    const require = (id) => (id.startsWith('./') ? load(join(dirname(path), id)) : fromDisk(id))
    script.runInThisContext().call(module.exports, module.exports, require, module, path, dirname(path))
    return module.exports
  }
  return { exports: load(file), save: () => save(directory, uncached) }
}

/** V8 compares versions, flags and the length of the source, but not the source itself. */
function nameOf(path, run, source) {
  const options = [process.version, process.arch, process.env.NODE_OPTIONS, ...process.execArgv].join(' ')
  return `${run}.${basename(path, '.cjs')}.${hex(crc32(options))}.${hex(crc32(source))}`
}

function hex(number) {
  return number.toString(16).padStart(8, '0')
}

/** Returns the content of a cache file, or undefined if it is missing or damaged. */
function readChecked(saved) {
  let content
  try {
    content = readFileSync(saved)
  } catch {
    // Missing, or not readable: the code is compiled.
    return undefined
  }
  const code = content.subarray(CHECKSUM_BYTES)
  return content.length > CHECKSUM_BYTES && crc32(code) === content.readUInt32LE() ? code : undefined
}

/** Writes the compiled code of these scripts and removes that of other versions, of Node as well. */
function save(directory, uncached) {
  if (uncached.length === 0) return
  let partial
  try {
    partial = mkdtempSync(join(directory, 'partial-'))
    for (const { script, saved } of uncached) {
      const code = script.createCachedData()
      const checksum = Buffer.alloc(CHECKSUM_BYTES)
      checksum.writeUInt32LE(crc32(code))
      const written = join(partial, basename(saved))
      writeFileSync(written, Buffer.concat([checksum, code]), { mode: 0o600 })
      const [run, file] = basename(saved).split('.')
      const same = `${run}.${file}.`
      for (const name of readdirSync(directory))
        if (name.startsWith(same)) rmSync(join(directory, name), { force: true })
      renameSync(written, saved)
    }
  } catch {
    // The disk is full or read-only: the next start compiles again.
  } finally {
    if (partial !== undefined) rmSync(partial, { recursive: true, force: true })
  }
}

module.exports = { loadCached }
