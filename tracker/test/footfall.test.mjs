// Page views: which pages are counted, and which fields are sent. The tracker runs in a real browser, and a test site
// records its requests.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open, serveSite } from './browser.mjs'
import { STUB, html, staged, tag, visits } from './visit.mjs'

const SCRIPT = tag('data-no="engagement vitals"')

const visit = visits({
  '/': html(SCRIPT),
  '/other': html(SCRIPT, '<a href="/">back</a>'),
  '/no-domain': html('<script defer src="/footfall.js" data-no="vitals"></script>'),
  '/hash': html(tag('data-hash data-no="engagement vitals"')),
  '/off': html(tag('data-off')),
  '/404': html(tag('data-error="404"')),
  '/twice': html(SCRIPT + SCRIPT),
  '/early': html(`${STUB}<script>footfall('Early', { props: { plan: 'free' } })</script>${SCRIPT}`),
  '/api': html('<script defer src="/footfall.js" data-api="/stats/../api/event?own" data-no="engagement"></script>'),
  '/elsewhere': ({ otherOrigin }) =>
    html(`<script defer src="${otherOrigin}/footfall.js" data-no="engagement"></script>`),
})
const { allSent } = visit

test('a page view contains page, site and screen, but not the query and the fragment', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/?q=1#secret`)
  const { body, type } = await site.next()
  const w = await page.evaluate(() => screen.width)
  assert.deepEqual(body, { n: 'pageview', u: `${site.origin}/`, d: 'example.org', r: '', h: false, w, v: 2 })
  assert.equal(type, 'text/plain;charset=UTF-8')
  assert.deepEqual(await allSent(), ['pageview'])
})

test('only the origin of the referrer is sent', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`, { referer: `${site.otherOrigin}/private/path?q=2` })
  assert.equal((await site.next()).body.r, site.otherOrigin)
})

test('without data-domain no site is sent, so that the collector uses the host of the page', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/no-domain`)
  const { d, u } = (await site.next()).body
  assert.deepEqual([d, u], [undefined, `${site.origin}/no-domain`])
})

test('events go to the origin of the script, unless data-api names another URL', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/elsewhere`)
  const { host, body } = await site.next()
  assert.equal(`http://${host}`, site.otherOrigin)
  assert.equal(body.u, `${site.origin}/elsewhere`)

  await page.goto(`${site.origin}/api`)
  const own = await site.next('pageview')
  assert.equal(`http://${own.host}`, site.origin)
  assert.ok('own' in own.query)
})

test("each step of the page's own router is a page view, a change of the query is none", async () => {
  const { page, site } = visit
  // As the page sent them: on connections of their own they may overtake each other.
  const paths = []
  page.on('request', (request) => {
    if (new URL(request.url()).pathname === '/api/event') paths.push(new URL(request.postDataJSON().u).pathname)
  })
  await page.goto(`${site.origin}/`)
  await page.evaluate(() => {
    history.pushState(null, '', '/two')
    history.replaceState({ scroll: 3 }, '', '/two')
    history.pushState(null, '', '/two?page=2')
    history.replaceState(null, '', '/three')
  })
  await page.goBack()
  await page.waitForURL('**/two')
  for (let n = 0; n < 4; n++) await site.next()
  assert.equal((await allSent()).length, 4)
  assert.deepEqual(paths, ['/', '/two', '/three', '/two'])
})

test('a step names the page before it as its referrer', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`, { referer: 'https://search.example/find' })
  assert.equal((await site.next()).body.r, 'https://search.example')
  await page.evaluate(() => history.pushState(null, '', '/two'))
  assert.equal((await site.next()).body.r, site.origin)
})

test('a fragment is part of the page only with data-hash', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/hash#/a`)
  const views = [await site.next()]
  await page.evaluate(() => (location.hash = '#/b'))
  views.push(await site.next())
  assert.deepEqual(
    views.map(({ body: { u, h } }) => [new URL(u).hash, h]),
    [
      ['#/a', true],
      ['#/b', true],
    ],
  )

  await page.goto(`${site.origin}/#/a`)
  await site.next()
  visit.sent.length = 0
  await page.evaluate(() => (location.hash = '#/b'))
  assert.deepEqual(await allSent(), [])
})

test('a custom event carries its properties and whether it is an interaction', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await site.next()
  await page.evaluate(() => {
    footfall('Sign up', { props: { plan: 'free', seats: 3 } })
    footfall('Video ended', { interactive: false })
  })
  const events = [(await site.next()).body, (await site.next()).body]
  const [first, second] = events.sort((a, b) => (a.n < b.n ? -1 : 1))
  assert.deepEqual([first.n, first.p, first.i], ['Sign up', { plan: 'free', seats: 3 }, undefined])
  assert.deepEqual([second.n, second.p, second.i], ['Video ended', undefined, false])
})

test('a call made before the script has loaded follows the page view', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/early`)
  assert.deepEqual(await allSent(), ['pageview', 'Early'])
})

test('a page that includes the script twice is counted once', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/twice`)
  assert.deepEqual(await allSent(), ['pageview'])
})

test('a hidden page is counted when it first becomes visible, and its events with it', async () => {
  const { page, site } = visit
  await page.addInitScript(staged, { hidden: true })
  await page.goto(`${site.origin}/early`)
  assert.deepEqual(await allSent(), [])

  await page.evaluate(() => stage.show())
  assert.deepEqual(await allSent(), ['pageview', 'Early'])

  await page.evaluate(() => {
    stage.hide()
    footfall('Left')
    stage.show()
  })
  assert.deepEqual(await allSent(), ['pageview', 'Early', 'Left'])
})

test('data-error replaces the page view, until a step to another page', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/404`)
  assert.deepEqual((await site.next()).body.n, '404')
  await page.evaluate(() => history.pushState(null, '', '/found'))
  const { n, u } = (await site.next()).body
  assert.deepEqual([n, u], ['pageview', `${site.origin}/found`])
})

test('a page that returns from the back/forward cache is one more page view', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await page.evaluate(() => {
    const { fetch } = window
    window.fetch = (url, options) => fetch(url + '?cached', options)
  })
  await page.goto(`${site.origin}/other`)
  await page.evaluate(() => history.back())
  const views = [await site.next(), await site.next(), await site.next()]
  assert.deepEqual(
    views.map(({ body }) => new URL(body.u).pathname),
    ['/', '/other', '/'],
  )
  assert.ok('cached' in views[2].query, 'the page came from the back/forward cache and was not loaded again')
})

test('a prerendered page is counted once, when it is shown', async () => {
  let prerendered
  const isPrerendered = new Promise((resolve) => (prerendered = resolve))
  const stage = await serveSite({
    // Starts the prerendering, and navigates to the page once the page reports that its script has run.
    '/': `<!doctype html><script type="speculationrules">{"prerender":[{"urls":["/next"],"eagerness":"immediate"}]}</script>
      <script>fetch('/until-prerendered').then(() => (location.href = '/next'))</script>`,
    '/until-prerendered': () => isPrerendered,
    // Adds to each request whether the page began hidden and whether it is shown now.
    '/next': `<!doctype html><script>
      const hidden = document.prerendering
      const send = window.fetch
      window.fetch = (url, options) => send(url + '?hidden=' + hidden + '&shown=' + !document.prerendering, options)
      addEventListener('DOMContentLoaded', () => fetch('/prerendered'))
      </script>${SCRIPT}`,
    '/prerendered': () => prerendered(''),
  })
  const chromium = await open(`${stage.origin}/`)
  try {
    const { body, query, purpose } = await stage.next()
    assert.equal(body.u, `${stage.origin}/next`)
    assert.deepEqual(query, { hidden: 'true', shown: 'true' })
    assert.equal(purpose, undefined, 'a collector refuses requests that are marked as prerendered')
    assert.equal(stage.events.length, 1)
  } finally {
    await chromium.close()
    await stage.close()
  }
})

test('nothing is sent with data-off, nor from a file', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/off`)
  assert.deepEqual(await allSent(), [])

  const folder = await mkdtemp(join(tmpdir(), 'footfall-file-'))
  try {
    const file = join(folder, 'page.html')
    await writeFile(file, html(`<script defer src="${site.origin}/footfall.js"></script>`))
    await page.goto(pathToFileURL(file).href)
    assert.equal(await page.evaluate(() => typeof footfall), 'function')
    assert.deepEqual(await allSent(), [])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('no cookie and no storage is written', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await page.evaluate(() => footfall('Event'))
  await site.next()
  const left = await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length])
  assert.deepEqual(left, ['', 0, 0])
})

test('a collector that is down does not disturb the page', async () => {
  const { page, site } = visit
  const errors = []
  page.on('pageerror', (error) => errors.push(error.message))
  await page.route('**/api/event', (route) => route.abort())
  await page.goto(`${site.origin}/`)
  assert.deepEqual(await allSent(), ['pageview'])
  assert.deepEqual(errors, [])
})
