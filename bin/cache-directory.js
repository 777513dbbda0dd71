// The directory for compiled code: this user's own, or none.
const { existsSync, lstatSync, mkdirSync, realpathSync, statSync } = require('node:fs')
const { homedir } = require('node:os')
const { dirname, isAbsolute, join } = require('node:path')

/**
 * The path of a directory that nobody else can put a file into: ours, mode 0700, no symbolic link, and no directory
 * above it in which another user could replace it. Made if it does not exist. Undefined when there is none, for
 * instance under sudo with the home directory of somebody else.
 */
function privateCacheDirectory(env = process.env) {
  const uid = process.getuid?.()
  if (uid === undefined) return undefined
  try {
    const given = env.XDG_CACHE_HOME ?? ''
    // The XDG Base Directory Specification: a relative path is invalid and ignored.
    const home = isAbsolute(given) ? given : join(env.HOME || homedir(), '.cache')
    if (!existsSync(home)) {
      if (statSync(dirname(home)).uid !== uid) return undefined
      mkdirSync(home, { mode: 0o700 })
    }
    const directory = join(realpathSync(home), 'kubectl-cass-sni')
    for (let above = dirname(directory); ; above = dirname(above)) {
      if (!isSafeAbove(lstatSync(above), uid)) return undefined
      if (above === dirname(above)) break
    }
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const found = lstatSync(directory)
    return found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0 ? directory : undefined
  } catch {
    // A home that does not exist or cannot be written: every start compiles anew.
    return undefined
  }
}

/** Whether only root and this user can rename what is in a directory; with the sticky bit only the owner can. */
function isSafeAbove({ uid, mode }, self) {
  return (uid === 0 || uid === self) && ((mode & 0o022) === 0 || (mode & 0o1000) !== 0)
}

module.exports = { privateCacheDirectory }
