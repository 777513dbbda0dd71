import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { manifestText } from '../../build/commands.ts'
import { commands, root } from './manifest.ts'

describe('oclif.manifest.json', () => {
  it('is what the commands say (npm run build writes it: commit it)', async () => {
    assert.equal(readFileSync(join(root, 'oclif.manifest.json'), 'utf8'), await manifestText(root))
  })

  it("is what oclif's own generator makes of them", function () {
    this.timeout(60_000)
    const folder = mkdtempSync(join(tmpdir(), 'cass-sni-manifest-'))
    try {
      for (const name of ['bin', 'dist', 'package.json'])
        cpSync(join(root, name), join(folder, name), { recursive: true })
      symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
      const { stderr, status } = spawnSync(
        process.execPath,
        [join(root, 'node_modules/oclif/bin/run.js'), 'manifest', '.'],
        { cwd: folder, encoding: 'utf8' },
      )
      assert.equal(status, 0, stderr)
      const read = (from: string): unknown => JSON.parse(readFileSync(join(from, 'oclif.manifest.json'), 'utf8'))
      assert.deepEqual(read(folder), read(root))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

/** The files of the package that errors and hints name. */
function documentsNamed(): string[] {
  const source = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(root, 'src', name), 'utf8'))
    .join('\n')
  return [...source.matchAll(/packageFile\('(.*?)'\)/g)].map(([, path = '']) => path)
}

describe('the package', () => {
  it('needs no packages: all are in its bundles', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cass-sni-package-'))
    try {
      for (const name of ['bin', 'dist', 'package.json', 'oclif.manifest.json'])
        cpSync(join(root, name), join(folder, name), { recursive: true })
      const parts = readdirSync(join(folder, 'dist'), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.c?js$/.test(name))
        // runs when it is imported
        .filter((name) => name !== 'lib/controller/controller.cjs')
      // every command, the program, and the packages beside it
      assert.ok(parts.length > commands.length + 1, parts.join())
      const all = parts.map((name) => `await import(${JSON.stringify(`./dist/${name}`)})`).join('\n')
      const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', all], {
        cwd: folder,
        encoding: 'utf8',
      })
      assert.equal(status, 0, stderr)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('holds everything that it needs installed, and nothing else', function () {
    this.timeout(60_000)
    const { stdout, stderr, status } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    const report: unknown = JSON.parse(stdout)
    // npm 11 answers with a list, later ones with an object by name.
    const [packed] = Object.values(report as Record<string, { files: { path: string }[] }>)
    const files = new Set(packed?.files.map(({ path }) => path))
    const needed = [
      'bin/kubectl-cass_sni',
      'bin/run.js',
      'bin/start.js',
      'bin/cache-directory.js',
      'bin/code-cache.js',
      'bin/kubectl_complete-cass_sni',
      'oclif.manifest.json',
      'dist/lib/cli/program.cjs',
      'bin/package.json',
      'dist/help/index.txt',
      'dist/THIRD-PARTY-LICENSES.txt',
      'LICENSE',
      'README.md',
      'package.json',
      ...documentsNamed(),
    ]
    for (const path of needed) assert.ok(files.has(path), `${path} is missing`)
    for (const { id } of commands) {
      assert.ok(
        files.has(`dist/commands/${id.replaceAll(':', '/')}.js`) || files.has(`dist/commands/${id}/index.js`),
        `the command ${id} is missing`,
      )
    }
    const foreign = [...files].filter((path) => /^((src|test|lab|bench|build)\/|bin\/dev\.js$)/.test(path))
    assert.deepEqual(foreign, [])
  })
})

describe('package-lock.json', () => {
  // npm leaves packages for other platforms out when it makes the file where they cannot be had, and refuses it later: "Missing … from lock file"
  it('holds the packages for every platform, as npm ci demands', () => {
    const { packages }: { packages: Record<string, { optionalDependencies?: Record<string, string> }> } = JSON.parse(
      readFileSync(join(root, 'package-lock.json'), 'utf8'),
    )
    const names = new Set(
      Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)),
    )
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).flatMap((name) => (names.has(name) ? [] : [`${path} wants ${name}`])),
    )
    assert.deepEqual(missing, [])
  })
})
