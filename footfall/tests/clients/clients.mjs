// Runs trackers of other products, as npm has them, against a running Footfall: two in Chromium, two in Node. In
// Chromium it also makes the cross-origin requests of two trackers that npm does not have. For each answer it prints
// one line: client, endpoint, status, answer. The caller checks what was counted. Usage: node clients.mjs HOST:PORT
// WEBSITE-UUID MATOMO-NUMBER
import assert from 'node:assert/strict'
import http, { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import MatomoTracker from 'matomo-tracker'
import { Umami } from '@umami/node'
import { launch } from '../../../tracker/test/browser.mjs'

const [address, website, matomoSite] = process.argv.slice(2)
// Footfall refuses headless browsers as robots, so these send the user agent of a person's browser.
const userAgent =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

const require = createRequire(import.meta.url)
const modules = {
  plausible: dirname(require.resolve('@plausible-analytics/tracker')),
  'plausible-tracker': dirname(require.resolve('plausible-tracker/package.json')),
}

function report(client, endpoint, status, answer) {
  console.log(JSON.stringify([client, endpoint, status, answer]))
}

const pages = {
  '/official': `<!doctype html><title>official</title><h1>Shop</h1>
    <a id="out" href="https://other.example/x" onclick="return false">other</a>
    <script type="module">
      import { init, track } from '/modules/plausible/plausible.js'
      init({ domain: 'example.org', endpoint: 'http://${address}/api/event', captureOnLocalhost: true,
             outboundLinks: true })
      window.track = track
    </script>`,
  '/community': `<!doctype html><title>community</title><h1>Shop</h1>
    <script type="module">
      import Plausible from '/modules/plausible-tracker/build/module/index.js'
      window.tracker = Plausible({ domain: 'example.org', trackLocalhost: true, apiHost: 'http://${address}' })
      window.tracker.enableAutoPageviews()
    </script>`,
  '/scripts': '<!doctype html><title>scripts</title><h1>Shop</h1>',
}

/** Serves a site whose pages contain the two trackers for browsers. */
async function serveSite() {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://site')
    const [, area, name, ...rest] = pathname.split('/')
    if (area === 'modules' && modules[name]) {
      const file = join(modules[name], ...rest)
      response.setHeader('content-type', 'text/javascript')
      // One tracker imports its own files without their extension, as bundlers allow.
      response.end(await readFile(file).catch(() => readFile(`${file}.js`)))
    } else if (pages[pathname]) {
      response.setHeader('content-type', 'text/html').end(pages[pathname])
    } else {
      response.writeHead(404).end()
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() }
}

async function inChromium() {
  const site = await serveSite()
  const { context, close } = await launch({ userAgent })
  try {
    const visit = async (client, page, steps) => {
      const tab = await context.newPage()
      for (const { does, hits } of [{ does: () => tab.goto(site.origin + page), hits: 1 }, ...steps(tab)]) {
        const answers = []
        const all = new Promise((resolve) =>
          tab.on('response', (response) => {
            if (!response.url().startsWith(`http://${address}/`)) return
            if (response.request().method() !== 'OPTIONS') answers.push(response)
            if (answers.length === hits) resolve()
          }),
        )
        await does()
        await all
        tab.removeAllListeners('response')
        for (const answer of answers) {
          const dropped = answer.headers()['x-footfall-dropped']
          report(client, new URL(answer.url()).pathname, answer.status(), dropped ?? '')
        }
      }
      await tab.close()
    }
    await visit('@plausible-analytics/tracker', '/official', (tab) => [
      {
        does: () => tab.evaluate(() => window.track('Official', { props: { plan: 'free' }, interactive: false })),
        hits: 1,
      },
      {
        does: () => tab.evaluate(() => window.track('Bought', { revenue: { currency: 'EUR', amount: 12.3 } })),
        hits: 1,
      },
      // The engagement with this page is sent before the next page's view.
      { does: () => tab.evaluate(() => history.pushState({}, '', '/official/next')), hits: 2 },
      { does: () => tab.click('#out'), hits: 1 },
    ])
    await visit('plausible-tracker', '/community', (tab) => [
      { does: () => tab.evaluate(() => window.tracker.trackEvent('Community', { props: { plan: 'paid' } })), hits: 1 },
      { does: () => tab.evaluate(() => history.pushState({}, '', '/community/next')), hits: 1 },
    ])
    await requestLikeScripts(await context.newPage(), site.origin)
  } finally {
    await close()
    site.close()
  }
}

/**
 * Makes the requests of the scripts of Umami and Matomo, which npm does not have. They come from another origin and
 * have headers of their own or the page's cookies, so the browser sends them only if Footfall allows it. */
async function requestLikeScripts(tab, site) {
  await tab.goto(`${site}/scripts`)
  const ask = (path, how) =>
    tab.evaluate(
      async ([url, how]) => {
        const answer = await fetch(url, { method: 'POST', ...how })
        return [answer.status, answer.headers.get('x-footfall-dropped') ?? (await answer.text())]
      },
      [`http://${address}${path}`, how],
    )
  const seen = { website, hostname: 'example.org', language: 'en', url: 'https://example.org/asked', title: 'Asked' }
  for (const own of [{}, { 'x-umami-cache': 'undefined' }]) {
    const headers = { 'content-type': 'application/json', ...own }
    const body = JSON.stringify({ type: 'event', payload: seen })
    report('like Umami’s script', '/api/send', ...(await ask('/api/send', { headers, body, keepalive: true })))
  }
  const query = `idsite=${matomoSite}&rec=1&url=${encodeURIComponent('https://example.org/shown')}&send_image=0`
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
  const shown = await ask('/matomo.php', { headers, body: query, credentials: 'include' })
  report('like Matomo’s script', '/matomo.php', ...shown)
  await tab.close()
}

async function umamiInNode() {
  const umami = new Umami({ websiteId: website, hostUrl: `http://${address}`, userAgent })
  const send = async (answer) => {
    const got = await answer
    const text = await got.text()
    assert.deepEqual(JSON.parse(text), { beep: 'boop' }, 'the answer holds no id of the visitor')
    report('@umami/node', '/api/send', got.status, got.headers.get('x-footfall-dropped') ?? text)
  }
  await send(umami.track({ url: '/umami', hostname: 'example.org', title: 'Umami', referrer: 'https://news.example/' }))
  await send(umami.track({ url: '/umami', hostname: 'example.org', name: 'Umami', data: { plan: 'free' } }))
  await send(umami.track('Umami alone'))
  await send(umami.identify({ mail: 'someone@example.org' }))
}

async function matomoInNode() {
  const tracker = new MatomoTracker(Number(matomoSite), `http://${address}/matomo.php`)
  tracker.on('error', (error) => assert.fail(`matomo-tracker: ${error}`))
  // matomo-tracker returns no answer unless it is an error, so the HTTP agent below records the answers.
  const url = 'https://example.org/matomo'
  const all = [
    { url, action_name: 'Matomo' },
    { url, e_c: 'Matomo', e_a: 'Play', e_n: 'Intro', e_v: 2 },
    { url, link: 'https://left.example/x' },
    { url, download: 'https://example.org/matomo.pdf' },
    { url, search: 'Matomo tea', search_count: 0 },
    { url, cra: 'x is undefined', cra_tp: 'MatomoError', ca: 1 },
    { url, ping: 1 },
    {
      url,
      idgoal: 0,
      ec_id: 'M-1',
      revenue: 19.9,
      ec_items: JSON.stringify([['sku', 'Matomo tea', 'Drinks', 9.95, 2]]),
      send_image: 0,
    },
  ]
  let ended
  const get = (url, then) =>
    http.get(url, (answer) => {
      then(answer)
      answer.resume().on('end', () => ended(answer))
    })
  tracker.agent = { get, request: http.request }
  for (const options of all) {
    const answered = new Promise((resolve) => (ended = resolve))
    tracker.track(options)
    const { statusCode, headers } = await answered
    report('matomo-tracker', '/matomo.php', statusCode, headers['x-footfall-dropped'] ?? '')
  }
  const bulk = await new Promise((resolve) =>
    tracker.trackBulk([{ url: `${url}/bulk/1` }, { url: `${url}/bulk/2` }, { url: 'none' }], resolve),
  )
  assert.deepEqual(JSON.parse(bulk), { status: 'success', tracked: 2, invalid: 1 })
  report('matomo-tracker', '/matomo.php', 200, bulk)
}

await inChromium()
await umamiInNode()
await matomoInNode()
