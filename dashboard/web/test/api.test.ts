import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Api, Failure, failure, type Question } from '../src/api'

const QUESTION: Question = {
  site_id: 'example.org',
  metrics: ['visitors'],
  date_range: '7d',
  dimensions: ['visit:source'],
}

function answering(t: TestContext, answer: () => Promise<Response>) {
  return t.mock.method(globalThis, 'fetch', answer)
}

test('a query goes to the API under the page, with the token in its header and nowhere else', async (t) => {
  const fetch = answering(t, async () => Response.json({ answers: [] }))
  await new Api(new URL('https://stats.example.org/footfall/?period=7d'), 's3cret').queries([QUESTION])
  const [url, init] = fetch.mock.calls[0]?.arguments as unknown as [URL, RequestInit]
  assert.equal(url.href, 'https://stats.example.org/footfall/api/v2/queries')
  assert.equal(new Headers(init.headers).get('authorization'), 'Bearer s3cret')
  assert.equal(init.credentials, 'omit')
  assert.deepEqual(JSON.parse(String(init.body)), { queries: [QUESTION] })
})

test("the message of a refused query is the API's sentence", async (t) => {
  answering(t, async () => Response.json({ error: 'ask for visits instead' }, { status: 400 }))
  await assert.rejects(new Api(new URL('https://a.example/'), 't').queries([QUESTION]), (error: Failure) => {
    assert.deepEqual([error.cause, error.message], ['query', 'ask for visits instead'])
    return true
  })
})

test('a question that was refused has a failure in place of its answer', async (t) => {
  const answer = { results: [], meta: {}, query: { date_range: ['', ''] } }
  answering(t, async () => Response.json({ answers: [answer, { error: 'ask for visits instead' }] }))
  const [first, second] = await new Api(new URL('https://a.example/'), 't').queries([QUESTION, QUESTION])
  assert.deepEqual(first, answer)
  assert.ok(second instanceof Failure && second.message === 'ask for visits instead')
})

test('a failure names its cause', () => {
  assert.equal(failure(401, '').cause, 'token')
  assert.equal(failure(404, 'not json').cause, 'query')
  assert.equal(failure(503, '{"error":{"nested":1}}').cause, 'server')
  assert.match(failure(503, '').message, /503/)
})

test('a server that does not answer, or not in JSON, is a failure of the network', async (t) => {
  const api = new Api(new URL('https://a.example/'), 't')
  for (const answer of [() => Promise.reject(new TypeError('down')), async () => new Response('<html>')]) {
    answering(t, answer)
    await assert.rejects(api.sites(), (error: Failure) => error.cause === 'network')
    t.mock.restoreAll()
  }
})

test('a query that was aborted is no failure', async (t) => {
  answering(t, () => Promise.reject(new DOMException('aborted', 'AbortError')))
  const rejected = new Api(new URL('https://a.example/'), 't').sites(AbortSignal.abort())
  await assert.rejects(rejected, (error: Error) => !(error instanceof Failure))
})
