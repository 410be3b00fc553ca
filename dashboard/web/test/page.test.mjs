// The built page in a real browser, with the strictest policy that it may be served with. Each test picks the answers
// of the API; the real API is tested in Rust.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { launch } from '../../../tracker/test/browser.mjs'
import { PANELS } from '../src/panel'

const ORIGIN = 'http://footfall.test'
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
const SITES = [
  { id: 1, domain: 'example.org', time_zone: 'Europe/Paris', crowd: 7 },
  { id: 2, domain: 'example.net', time_zone: 'UTC', crowd: 5 },
]

const VIEWS = PANELS.map(({ dimension, metrics }) => ({ dimension, metrics }))

let browser, folder, page, asked, answer, wrong

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'footfall-page-'))
  const root = fileURLToPath(new URL('..', import.meta.url))
  await build({ root, logLevel: 'error', build: { outDir: folder, emptyOutDir: true } })
  browser = await launch()
})
after(async () => {
  await browser.close()
  await rm(folder, { recursive: true })
})

beforeEach(async () => {
  page = await browser.context.newPage()
  page.setDefaultTimeout(10_000)
  asked = []
  wrong = []
  answer = () => ({})
  page.on('pageerror', ({ message }) => wrong.push(message))
  page.on('console', (message) => /policy/i.test(message.text()) && wrong.push(message.text()))
  await page.route('**/*', serve)
})
afterEach(async () => {
  await page.close()
  assert.deepEqual(wrong, [], 'an error on the page, a forbidden style, or a request to elsewhere')
})

async function serve(route) {
  const request = route.request()
  const { origin, pathname } = new URL(request.url())
  if (origin !== ORIGIN) {
    wrong.push(request.url())
    return route.abort()
  }
  if (pathname.startsWith('/api/')) {
    const queries = request.postDataJSON()?.queries
    asked.push({ pathname, queries, token: request.headers().authorization })
    if (pathname === '/api/sites') return route.fulfill({ json: SITES, ...answer(null) })
    if (pathname === '/api/views') return route.fulfill({ json: VIEWS })
    const answers = queries.map((query) => ({
      json: { results: resultsOf(query), meta: META, query: RANGE },
      ...answer(query),
    }))
    const failed = answers.find(({ status = 200 }) => status === 401 || status >= 500)
    return route.fulfill(failed ?? { json: { answers: answers.map(({ json }) => json) } })
  }
  const file = join(folder, pathname === '/' ? 'index.html' : pathname)
  const headers = { 'content-type': TYPES[extname(file)], 'content-security-policy': POLICY }
  return route.fulfill({ body: await readFile(file), headers })
}

const META = {
  at_least: { visits: [['(other)']] },
  time_labels: [1, 2, 3, 4, 5, 6, 7].map((day) => `2024-11-0${day}`),
}
const RANGE = { date_range: ['2024-11-01T00:00:00+01:00', '2024-11-07T23:59:59+01:00'] }

/** Every metric is 1200, except where a value is hidden; over time each metric asked for is one more. */
function resultsOf({ dimensions: [dimension] = [], metrics }) {
  const row = (name, number = 1200) => ({
    dimensions: name === undefined ? [] : [name],
    metrics: metrics.map(() => number),
  })
  if (!dimension) return [row()]
  if (dimension.startsWith('time:')) return [{ dimensions: ['2024-11-02'], metrics: metrics.map((_, n) => 1200 + n) }]
  return [row('One'), { dimensions: ['(other)'], metrics: metrics.map((m) => (m === 'visits' ? 9 : null)) }]
}
const empty = (query) => (query ? { json: { results: [], meta: {}, query: RANGE } } : {})
const panel = (title) => page.locator('section', { has: page.getByRole('heading', { name: title, exact: true }) })

test('the token goes from the link to the header, and is not left in the address', async () => {
  await page.goto(`${ORIGIN}/?period=7d#token=s3cret`)
  await page.getByText('1,200').first().waitFor()
  assert.equal(page.url(), `${ORIGIN}/?period=7d`)
  assert.deepEqual([...new Set(asked.map(({ token }) => token))], ['Bearer s3cret'])

  await page.reload()
  await page.getByText('1,200').first().waitFor()
  assert.equal(asked.at(-1).token, 'Bearer s3cret')
})

test('without a token the page shows how to get one and asks nothing', async () => {
  await page.goto(`${ORIGIN}/`)
  await page.getByText('footfall token --config').waitFor()
  assert.deepEqual(asked, [])
})

test('a token that is not known has a message of its own, and can be tried again', async () => {
  answer = () => ({ status: 401, json: { error: 'This token is unheard of.' } })
  await page.goto(`${ORIGIN}/#token=old`)
  await page.getByText('This token is unheard of.').waitFor()
  await page.getByText('footfall token --config').waitFor()

  answer = () => ({})
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByText('1,200').first().waitFor()
})

test('the question of a panel that is refused shows the sentence of the API in that panel', async () => {
  answer = (query) =>
    query?.dimensions?.[0] === 'visit:source' ? { status: 400, json: { error: 'Ask for visits instead.' } } : {}
  await page.goto(`${ORIGIN}/?period=7d#token=t`)
  await panel('Sources').getByText('Ask for visits instead.').waitFor()
  assert.equal(await panel('Channels').getByRole('row').count(), 3)
})

test('(other) is last with its reason, a withheld number is a dash, a lower bound is marked', async () => {
  await page.goto(`${ORIGIN}/?period=7d#token=t`)
  await panel('Top pages').getByText('fewer than 7 visitors').waitFor()
  const last = await panel('Top pages').getByRole('row').last().innerText()
  assert.equal(last.replaceAll(/\s+/g, ' '), '(other) — withheld — withheld')
  const bound = await panel('Sources').getByRole('row').last().innerText()
  assert.equal(bound.replaceAll(/\s+/g, ' '), '(other) — withheld ≥ at least 9')
})

test('visitors of several days are labelled as a sum, those of one day are not', async () => {
  await page.goto(`${ORIGIN}/?period=7d#token=t`)
  await page.getByRole('button', { name: 'Visitors (sum of days) 1,200' }).waitFor()
  assert.equal(await panel('Sources').getByText('sum of days').count(), 1)
  await page.getByRole('radio', { name: 'Today' }).check()
  await page.getByRole('button', { name: 'Visitors 1,200', exact: true }).waitFor()
  assert.equal(await page.getByText('sum of days').count(), 0)
})

test('site and period are in the address, and the back button follows it', async () => {
  await page.goto(`${ORIGIN}/?site=example.org&period=7d#token=t`)
  await page.getByText('1,200').first().waitFor()
  await page.getByRole('radio', { name: 'This month so far' }).check()
  await page.getByLabel('Site').selectOption('example.net')
  await page.waitForURL('**/?site=example.net&period=month')
  await page.goBack()
  await page.goBack()
  await page.waitForFunction(() => document.querySelector('input:checked')?.value === '7d')
  assert.equal(await page.getByLabel('Site').inputValue(), 'example.org')
  assert.deepEqual(asked.at(-1).queries[0].date_range, '7d')
})

test('where nothing was picked the page shows today, or the last weeks if today is still empty', async () => {
  await page.goto(`${ORIGIN}/#token=t`)
  await page.getByText('1,200').first().waitFor()
  assert.ok(await page.getByRole('radio', { name: 'Today' }).isChecked())

  answer = (query) => (query?.date_range === 'day' ? empty(query) : {})
  await page.reload()
  await page.getByText('1,200').first().waitFor()
  assert.ok(await page.getByRole('radio', { name: 'The 28 days' }).isChecked())
})

test('a site without page views shows the line to put on its pages, until there is one', async () => {
  await page.clock.install()
  answer = empty
  await page.goto(`${ORIGIN}/#token=t`)
  await page.getByText(`<script defer src="${ORIGIN}/footfall.js" data-domain="example.org"></script>`).waitFor()
  answer = () => ({})
  await page.clock.runFor(6_000)
  await page.getByText('1,200').first().waitFor()
})

test('totals, chart and panels are asked for in one request', async () => {
  await page.goto(`${ORIGIN}/?period=7d#token=t`)
  await page.getByText('1,200').first().waitFor()
  const requests = asked.filter(({ queries }) => queries)
  assert.deepEqual(
    requests.map(({ pathname, queries }) => [pathname, queries.length]),
    [['/api/v2/queries', 2 + PANELS.length]],
  )
})

test('the totals of today are asked for again, and keep their last numbers while the server is away', async () => {
  await page.clock.install()
  await page.goto(`${ORIGIN}/?period=day#token=t`)
  await page.getByText('1,200').first().waitFor()
  answer = (query) => (query ? { status: 503, json: { error: 'The engine is starting.' } } : {})
  await page.clock.runFor(31_000)
  await page.getByText('The engine is starting.').waitFor()
  await page.getByText('1,200').first().waitFor()

  answer = () => ({})
  await page.clock.runFor(31_000)
  await page.getByText('The engine is starting.').waitFor({ state: 'detached' })
})

test('a total that is pressed is charted, and its numbers are there as a table', async () => {
  await page.goto(`${ORIGIN}/?period=7d#token=t`)
  await page.getByRole('button', { name: 'Page views' }).press('Enter')
  await page.getByRole('heading', { name: 'Page views by day' }).waitFor()
  await page.getByText('Numbers as a table').click()
  const rows = page.getByRole('table', { name: 'Page views by day' }).getByRole('row')
  assert.equal(await rows.count(), 8)
  assert.match(await rows.nth(2).innerText(), /2\D*1,202$/)
})

test('nothing is wider than a narrow phone', async () => {
  await page.setViewportSize({ width: 360, height: 740 })
  await page.goto(`${ORIGIN}/?period=7d#token=t`)
  await page.getByText('1,200').first().waitFor()
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360)
})

test('the licences of the bundled packages allow it, and are shipped with them', async () => {
  const licenses = JSON.parse(await readFile(join(folder, 'assets', 'licenses.json'), 'utf8'))
  assert.ok(licenses.some(({ name }) => name === 'svelte'))
  for (const { name, identifier, text } of licenses) {
    assert.match(identifier, /^(MIT|ISC|Apache-2\.0|BSD-[23]-Clause)$/, name)
    assert.match(text, /copyright/i, name)
  }
})
