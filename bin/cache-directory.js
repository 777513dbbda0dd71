// The directory for compiled code: owned by this user, or none.
const { existsSync, lstatSync, mkdirSync, realpathSync, statSync } = require('node:fs')
const { homedir } = require('node:os')
const { dirname, isAbsolute, join } = require('node:path')

/**
 * Returns the path of a directory that no other user can write to: owned by this user, mode 0700, not a symbolic link,
 * and below directories in which no other user could replace it. Creates it if it does not exist. Undefined if none
 * qualifies, for example under sudo with another user's home directory.
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
    // The home directory does not exist or is not writable: every start compiles again.
    return undefined
  }
}

/** Whether only root and this user can rename entries of a directory; with the sticky bit only their owner can. */
function isSafeAbove({ uid, mode }, self) {
  return (uid === 0 || uid === self) && ((mode & 0o022) === 0 || (mode & 0o1000) !== 0)
}

module.exports = { privateCacheDirectory }
