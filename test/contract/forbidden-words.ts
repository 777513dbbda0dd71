/**
 * The words that this project does not use, each with what to write instead. Rules first, then phrases that were
 * replaced once and must not come back. `words.test.ts` looks for them.
 */

/** Where a text is read: on the terminal, in a page of documentation, or in the source. */
export type Scope = 'message' | 'page' | 'comment'

export interface Forbidden {
  /** Matched without regard to case, from word boundary to word boundary; a blank matches any white space. */
  phrase: string
  /** What to write instead. */
  write: string
  /** Phrases that contain this one and are fine. Same syntax as `phrase`. */
  except?: string[] | undefined
  /** Default: everywhere. */
  only?: Scope[] | undefined
}

/** One entry per phrase with the same replacement. */
function each(write: string, ...phrases: string[]): Forbidden[] {
  return phrases.map((phrase) => ({ phrase, write }))
}

/** The word of the field. */
const FIELD_WORDS: Forbidden[] = [
  ...each('permission', 'no right', 'a right', 'right to'),
  { phrase: 'rights', write: 'permissions', except: ['rights\\.(md|yaml)'] },
  ...each('flag', 'setting on the command line'),
  ...each('in sync', '(as|what) (it|they) should be', 'as is should be'),
  ...each('expires soon', 'ends soon'),
  ...each('valid', 'good for'),
  { phrase: 'fits?|fitted', write: 'matches', except: ['fits? (in|into|on|within)'] },
  ...each('address, connection, or a subject', 'way to (the|a) (gateway|node|host)', 'the way that', 'no way to'),
]

/** Errors in kubectl's shape: <kind/name> in namespace X: <problem>: <cause>. */
const RIDDLES: Forbidden[] = [
  ...each('specify …', 'must be named', 'has to be named', 'needs to be named', 'is meant'),
  ...each('must', 'has to be', 'have to be', 'had to be'),
  ...each('must, will', 'is to be', 'are to be', 'is to (have|hold|carry|change|get)'),
  ...each('not a …', 'is none', 'are none', 'there is none', 'there are none'),
  { phrase: '(is|are) no \\w+', write: 'not a …', except: ['(is|are) no (longer|later)'] },
  ...each('not found, not installed, does not exist', 'not there', 'is there already'),
  { phrase: 'there (is|are|was|were) no', write: '… not found, … has no …', only: ['message'] },
  ...each('unrecognized, unclear', 'is not understood', 'cannot be told'),
]

/** Software reports, reads, supports, waits, resumes, points to, accepts, restores. */
const STORY: Forbidden[] = [
  ...each('reports, prints, shows', 'tells?', 'told', 'telling'),
  ...each('reports, states', 'says', 'said'),
  ...each('reads, has, supports', 'knows', 'knew'),
  ...each('requires, expects, needs', 'wants?', 'wanted', 'wanting'),
  {
    phrase: 'looks?|looked|looking',
    write: 'reads, checks, searches',
    except: ['looks? like', 'look(ed|s|ing)?[- ]?ups?'],
  },
  ...each('continues, resumes', 'goes on', 'go on', 'going on', 'went on'),
  ...each('is removed, ends', 'goes away', 'go away', 'does not go'),
  { phrase: 'stands?|stood', write: 'is, appears', except: ['stands? (in )?for', 'stand-?ins?'] },
  ...each('points to, routes to', 'leads? to', 'led to', 'is led', 'that leads', 'leads there'),
  ...each('removes', 'takes? away', 'taken away'),
  ...each('accepts, includes', 'takes? (part|for|in)'),
  ...each('returns, restores', 'gives? back', 'given back'),
  ...each('honors, reads', 'heed(s|ed)?', 'lets? \\w+ stand'),
]

/** Plain English, without filler and house metaphors. */
const PLAIN: Forbidden[] = [
  ...each('directory', 'folders?'),
  ...each('cannot', 'may not'),
  ...each('a subject: a user, another client', 'somebody', 'nobody', 'whoever', 'anybody', 'someone', 'who may'),
  ...each('its own, separate', 'of (its|their|our) own', 'by (itself|themselves)'),
  { phrase: 'as (it is|they are)', write: 'unchanged', except: ['as (it is|they are) \\w+ed'] },
  ...each('again, reissued', 'anew'),
  ...each('in the meantime, or nothing', 'meanwhile'),
  ...each('always, or nothing', 'in any case', 'all the same', 'in the end'),
  ...each('"; therefore …" or "so …"', ', so that'),
  ...each('except', '(all|nothing|none|any|anything|everything|every \\w+|no \\w+|all \\w+) but'),
  ...each('package, layer, boundary, fixture', '(the|a) wall', 'walls', 'borders?', '(the|a|another) world', 'rooms?'),
  { phrase: 'at once', write: 'immediately', except: ['all at once'] },
  ...each('anymore, no longer', 'any more'),
  ...each('one per line', 'a line each'),
  ...each('next to, alongside', 'beside'),
  ...each('where, if', 'as far as'),
  ...each('previous', 'of before', 'from before'),
  ...each('conflicting, blocking', 'in (the|its) way'),
  ...each('remaining', '(that|what) is left'),
  ...each('managed by kubectl-cass-sni, this program', 'of ours', '(is|are|as|not) ours'),
  ...each('failure, cause', 'trouble'),
  ...each('timed out', 'too late'),
  ...each('each other, interleaved', '(in)?to one another'),
]

/** US spelling. */
const SPELLING: Forbidden[] = [
  ...each('color', 'colour(s|ed|ing)?'),
  ...each(
    '-ize',
    '\\w*(real|organ|author|normal|initial|serial|recogn|summar|minim|optim|synchron|custom|util|final)is(e|es|ed|ing|ation)',
  ),
  ...each('-or', 'behaviours?', 'honour\\w*', 'favour\\w*', 'neighbour\\w*', 'labour\\w*'),
  ...each('one l', 'labell\\w+', 'cancell(ed|ing)', 'travell\\w+', 'modell\\w+', 'signall\\w+'),
  ...each('-er', 'centres?', 'metres?'),
  ...each(
    'license, gray, catalog, artifact, while',
    'licences?',
    'grey',
    'catalogues?',
    'artefacts?',
    'whilst',
    'amongst',
  ),
]

/** What the texts were before, by phrases that nothing else contains. */
const REPLACED: Forbidden[] = [
  ...each('Connect applications outside Kubernetes to Cassandra inside it', 'outside of it', 'Brings Cassandra'),
  ...each('Install whatever is missing', 'bring up', 'brings up'),
  ...each('Issue node certificates that clients can verify', 'names that clients ask for'),
  ...each('Skip confirmation prompts', 'ask nothing'),
  ...each('Set the namespace on the current context', "the current context's own"),
  ...each('Retry until all checks pass', 'everything is well', 'all is well'),
  ...each('Address to connect to instead of the load balancer', 'go there instead'),
  ...each('disable mutual TLS mesh-wide', 'off everywhere'),
  ...each('unexpected argument', 'too much on the command line'),
  ...each("reserved by Istio's proxies; choose another with --port", 'clients need another'),
  ...each('no permission to …', 'were looked for'),
  ...each('the private key is never printed', 'neither read out nor shown'),
  ...each('gateway is reachable from here', 'gets to the gateway'),
  ...each('each name reaches its own node', 'the one asked for'),
  ...each('permission denied', 'lacks a right'),
  ...each('required input missing (no terminal to prompt on)', 'an answer is missing'),
  ...each('With fewer permissions, commands skip what they cannot do', 'with less'),
  ...each('The usual kubectl flags work', 'know from kubectl'),
  ...each('All routes in sync', 'nothing had to change'),
  ...each('No changes were made', 'nothing more was done'),
  ...each('waiting for the kubelet to mount', 'to bring the new'),
  ...each('internal error (please report)', 'a bug in this program'),
  ...each('no desired state', 'into what is'),
  ...each('not a directory', 'no folder', 'a part of its path'),
  ...each('read-only file system', 'can only be read'),
  ...each('invalid input file', 'does not hold what'),
  ...each('object exists and is not managed by kubectl-cass-sni', 'belongs to somebody'),
  ...each('gateway unreachable', 'no connection into'),
  ...each('timed out after 3s (--timeout)', 'the time limit of', 'time limit was reached', 'the time is up'),
  ...each('Output format', 'form of the result'),
  ...each('Log verbosity', 'log level'),
  ...each('other flags override it', 'are put on top'),
  ...each('default: create one', 'one is made'),
  ...each('Overwrite the file if its content differs', 'holds something else'),
  ...each('Saved for later runs', 'forgets them'),
  ...each('Execute statements and exit', 'and leave'),
  ...each('omitted, excluded', '(is|are) left out'),
  ...each('connection closed', 'connection \\w+ broke'),
  ...each('Planned changes:', 'would do:', 'would be done'),
  ...each('pending: depends on earlier steps', 'to be done'),
  ...each('Completed steps are kept; rerun to resume', 'what was done stays'),
  ...each('Apply these changes?', 'go ahead'),
  ...each('watches namespace a only', 'looks after'),
  ...each('immutable', 'does not let anyone change', 'let anyone'),
  ...each('cannot read …', 'it cannot be seen', 'cannot be seen', 'could not be seen'),
  ...each('would reload', 'would be told'),
  ...each('canceled; the statement may still be running', 'may still go on'),
  ...each('unsupported authenticator', 'another way to log in'),
  ...each('no route to host', 'no way to that host'),
  ...each('connection closed during the TLS handshake', 'in the middle of it'),
  ...each('certificate lacks extended key usage serverAuth', 'not one for servers'),
  ...each('not a CA certificate', 'not one of a certificate authority'),
  ...each('clients can connect without TLS', 'in the clear'),
  ...each('the object was modified concurrently', 'at the same time by'),
  ...each('unexpected response (not JSON); is this a Kubernetes API server?', 'may be no API server'),
  ...each('response too large', 'more than it could hold'),
  ...each('was removed, has ended', '(is|was|are) gone'),
  ...each('waiting for other nodes to start', 'waits for its turn'),
  ...each('not an Istio ingress gateway', 'so none called'),
  ...each('usage error', 'was not started as'),
  ...each('certificates it signs are rejected', 'is worthless'),
  ...each('its output is included in the message', 'its own words'),
  ...each('How node certificates work', 'what the operator leaves', 'makes of it'),
  ...each('schedule a maintenance window', 'quiet hour'),
  ...each('annotate pods', 'touching pods', 'takes its time'),
  ...each('each rule is enforced', 'each one bites'),
]

export const FORBIDDEN: readonly Forbidden[] = [
  ...FIELD_WORDS,
  ...RIDDLES,
  ...STORY,
  ...PLAIN,
  ...SPELLING,
  ...REPLACED,
]

/** Names in code that are not of the field, each with one that is. Matched whole. */
export const FORBIDDEN_NAMES: Readonly<Record<string, string>> = {
  AT_ONCE: 'IMMEDIATELY',
  Judged: 'Verdict',
  Look: 'ServedCertificate',
  NO_RIGHT: 'FORBIDDEN',
  PASSING: 'TRANSIENT',
  Refusal: 'ApiStatusError',
  Show: 'TextRenderer',
  Shown: 'Rendered',
  Situation: 'Observation',
  around: 'context',
  asked: 'requested',
  carryOut: 'apply, execute',
  inTheEnd: 'finally, afterwards',
  look: 'observe, readServed',
  looks: 'served',
  mustBeGateway: 'findGateway',
  onItsOwn: 'standalone',
  ours: 'owned, managed',
  places: 'locations',
  seeRoutes: 'observeRoutes',
  tell: 'emit, report',
  told: 'reported',
  trouble: 'failure',
  world: 'state, cluster',
}

/** What a message may begin with in capitals. */
export const PROPER_NAMES: readonly string[] = [
  'Apache',
  'Cassandra',
  'CassandraDatacenter',
  'Envoy',
  'Gateway',
  'Istio',
  'Java',
  'Kubernetes',
  'Node',
  'Secret',
  'Service',
  'StorageClass',
  'VirtualService',
]
