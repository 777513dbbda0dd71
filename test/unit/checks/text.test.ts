import assert from 'node:assert/strict'
import { type Finding, formatFindings } from '../../../src/lib/output/findings.ts'
import { createTextRenderer } from '../../../src/lib/output/text-renderer.ts'

const FINDINGS: Finding[] = [
  {
    heading: 'datacenter',
    verdict: 'pass',
    code: 'CSNI801',
    title: 'the first',
    note: 'dc1 in namespace \u001b[31mred',
  },
  {
    heading: 'datacenter',
    verdict: 'warning',
    code: 'CSNI802',
    title: 'the second',
    reason: 'not nice',
    steps: [
      { label: 'Try', text: 'kubectl a' },
      { label: 'Hint', text: 'look at b' },
    ],
  },
  { heading: 'routes', verdict: 'pass', code: 'CSNI803', title: 'the third', subject: 'sts-0', note: 'one' },
  {
    heading: 'routes',
    verdict: 'fail',
    code: 'CSNI803',
    title: 'the third',
    subject: 'sts-1',
    reason: 'broken',
    steps: [{ label: 'Try', text: 'kubectl mend' }],
  },
  { heading: 'routes', verdict: 'pass', code: 'CSNI803', title: 'the third', subject: 'sts-2', note: 'two' },
  {
    heading: 'routes',
    verdict: 'skipped',
    code: 'CSNI804',
    title: 'the fourth',
    subject: 'sts-0',
    reason: 'no permission',
  },
  {
    heading: 'routes',
    verdict: 'skipped',
    code: 'CSNI804',
    title: 'the fourth',
    subject: 'sts-1',
    reason: 'no permission',
  },
]

const PLAIN = `datacenter
----------
OK the first: dc1 in namespace red
WARN the second
    not nice [CSNI802]
    Try: kubectl a
    Hint: look at b

routes
------
OK the third (2 of 3 nodes)
FAIL the third (sts-1)
    broken [CSNI803]
    Try: kubectl mend
SKIP the fourth (2 nodes)
    skipped: no permission
`

describe('formatFindings', () => {
  it('puts like findings on one line, and reasons and next steps below', () => {
    assert.equal(formatFindings(FINDINGS, createTextRenderer('never', { LANG: 'C' }, {})), PLAIN)
  })

  it('says once why several checks of a heading were skipped or could not look', () => {
    const skipped = (title: string, heading = 'routes'): Finding => ({
      heading,
      verdict: 'skipped',
      code: 'CSNI804',
      title,
      subject: 'sts-0',
      reason: 'requires CSNI803 (the third)',
    })
    const unknown: Finding = { heading: 'cql', verdict: 'unknown', code: 'CSNI805', title: 'e', reason: 'no answer' }
    assert.equal(
      formatFindings(
        [skipped('a'), skipped('b'), skipped('c', 'cql'), unknown],
        createTextRenderer('never', { LANG: 'C' }, {}),
      ),
      `routes
------
SKIP a; b
    skipped: requires CSNI803 (the third)

cql
---
SKIP c (sts-0)
    skipped: requires CSNI803 (the third)
UNKNOWN e
    unknown: no answer [CSNI805]
`,
    )
  })

  it('never tells by color alone', () => {
    const colored = formatFindings(FINDINGS, createTextRenderer('always', { LANG: 'C' }, {}))
    assert.match(colored, /\u001b\[31mFAIL/)
    assert.equal(colored.replace(/\u001b\[\d+m/g, ''), PLAIN)
  })
})
