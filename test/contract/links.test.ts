import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { root } from './manifest.ts'

/** The Markdown files that users and contributors read. */
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].map((name) => join(root, name)),
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(root, 'docs', name)),
]

/** The text without code blocks and inline code, whose brackets are not links. */
function prose(page: string): string {
  return readFileSync(page, 'utf8')
    .replaceAll(/^```.*?^```/gms, '')
    .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ' '))
}

/** The anchors of a page as GitHub derives them from its headings. */
function anchors(page: string): Set<string> {
  const headings = readFileSync(page, 'utf8')
    .replaceAll(/^```.*?^```/gms, '')
    .matchAll(/^#{1,6} (.+)$/gm)
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

function links(page: string): string[] {
  return [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
}

describe('links in the documentation', () => {
  it('lead to existing files and headings', () => {
    const broken = pages.flatMap((page) =>
      links(page)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => {
          const [path = '', anchor] = target.split('#')
          const file = path === '' ? page : join(dirname(page), path)
          return !existsSync(file) || (anchor !== undefined && !anchors(file).has(anchor))
        })
        .map((target) => `${relative(root, page)}: ${target}`),
    )
    assert.deepEqual(broken, [])
  })

  it('reach every page of docs/ from its index', () => {
    const index = join(root, 'docs/README.md')
    const listed = new Set(links(index).map((target) => join(root, 'docs', target)))
    const missing = pages.filter((page) => dirname(page) === join(root, 'docs') && page !== index && !listed.has(page))
    assert.deepEqual(missing, [])
  })
})
