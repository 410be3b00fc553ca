// Consent to marketing measures: which fields are sent without and with it.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { STUB, html, tag, visits } from './visit.mjs'

const QUIET = 'data-no="engagement vitals"'
/** An example page with the tracker of the test site. */
const example = async (name, { origin }, manager) =>
  (await readFile(new URL(`../examples/${name}.html`, import.meta.url), 'utf8'))
    .replaceAll('https://stats.example.org', origin)
    .replace('<script>', `<script>(${manager})()</script><script>`)

const visit = visits({
  '/': html(STUB + tag(QUIET)),
  '/hash': html(tag(`data-hash ${QUIET}`)),
  '/given': html(tag(`data-consent="true" ${QUIET}`)),
  '/printed-false': html(tag(`data-consent="false" ${QUIET}`)),
  '/bare': html(tag(`data-consent ${QUIET}`)),
  '/early': html(
    `${STUB}<script>footfall('purchase', { order: 'A-1' }); footfall('consent', true)</script>${tag(QUIET)}`,
  ),
  '/tcf': (origins) => example('tcf', origins, tcfManager),
  '/google': (origins) => example('google-consent', origins, googleManager),
})
const { allSent } = visit

const PURCHASE = {
  revenue: { currency: 'EUR', amount: '12.30' },
  order: 'A-1',
  items: [{ id: 'sku-1', name: 'Lamp', category: 'Light', price: 6.15, quantity: 2, gift_for: 'secret' }],
}
const ITEMS = [{ id: 'sku-1', name: 'Lamp', category: 'Light', price: 6.15, quantity: 2 }]

test('without consent no query, revenue, items or order is sent', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/?utm_source=mail&gclid=1`)
  await page.evaluate((purchase) => footfall('Order', { props: { plan: 'free' }, ...purchase }), PURCHASE)
  const view = (await site.next('pageview')).body
  const order = (await site.next('Order')).body
  assert.equal(view.u, `${site.origin}/`)
  const { n, u, d, r, h, w, v, p, ...others } = order
  assert.deepEqual([u, p, others], [`${site.origin}/`, { plan: 'free' }, {}])
})

test('without consent the query inside a fragment is not sent either', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/hash?utm_source=mail#/a?token=1`)
  assert.equal((await site.next()).body.u, `${site.origin}/hash#/a`)
  await page.evaluate(() => footfall.consent(true))
  assert.equal((await site.next('consent')).body.u, `${site.origin}/hash?utm_source=mail#/a?token=1`)
})

test('consent sends the landing page with its query once, and from then on the query of each page', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/?utm_source=mail`)
  await page.evaluate(() => {
    history.pushState(null, '', '/two?q=2')
    footfall.consent(true)
    footfall.consent(true)
    history.pushState(null, '', '/three?q=3')
    footfall('Sign up')
  })
  const consent = (await site.next('consent')).body
  assert.deepEqual([consent.u, consent.c, consent.d], [`${site.origin}/?utm_source=mail`, true, 'example.org'])
  const signUp = (await site.next('Sign up')).body
  assert.deepEqual([signUp.u, signUp.c], [`${site.origin}/three?q=3`, true])
  const views = []
  for (let view = 0; view < 3; view++) views.push((await site.next('pageview')).body)
  assert.deepEqual(
    views.map(({ u, c }) => [u.slice(site.origin.length), c]),
    [
      ['/', undefined],
      ['/two', undefined],
      ['/three?q=3', true],
    ],
  )
  assert.deepEqual(await allSent(), ['pageview', 'pageview', 'consent', 'pageview', 'Sign up'])
})

test('after consent is withdrawn, no query is sent', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/?utm_source=mail`)
  await page.evaluate((purchase) => {
    footfall.consent(true)
    footfall.consent(false)
    footfall('After')
    footfall('purchase', purchase)
  }, PURCHASE)
  const { u, c } = (await site.next('After')).body
  assert.deepEqual([u, c], [`${site.origin}/`, undefined])
  assert.deepEqual(await allSent(), ['pageview', 'consent', 'After'])
})

test('a purchase waits for consent on its page, and contains only the documented fields', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await page.evaluate((purchase) => {
    footfall('purchase', purchase)
    footfall.consent(false)
  }, PURCHASE)
  assert.deepEqual(await allSent(), ['pageview'])
  await page.evaluate(() => footfall.consent(true))
  const { body } = await site.next('purchase')
  assert.deepEqual([body.c, body.$, body.o, body.items], [true, PURCHASE.revenue, 'A-1', ITEMS])
  assert.ok(!JSON.stringify(body).includes('secret'))
  assert.deepEqual(await allSent(), ['pageview', 'consent', 'purchase'])
})

test('the number of waiting purchases is bounded, and they are dropped with the page', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await page.evaluate(() => {
    for (let order = 0; order < 101; order++) footfall('purchase', { order })
    footfall.consent(true)
  })
  assert.equal((await allSent()).filter((name) => name === 'purchase').length, 100)

  await page.evaluate(() => {
    footfall.consent(false)
    footfall('purchase', { order: 'B-1' })
  })
  await page.goto(`${site.origin}/given`)
  await page.evaluate(() => footfall('Here'))
  assert.equal((await allSent()).filter((name) => name === 'purchase').length, 100)
})

test('at most 16 items and 64 properties are sent', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/given`)
  await page.evaluate(() => {
    const items = Array.from({ length: 20 }, (_, id) => ({ id }))
    const props = Object.fromEntries(items.concat(items, items, items).map((_, n) => [`p${n}`, n]))
    footfall('purchase', { items, props })
  })
  const { items, p } = (await site.next('purchase')).body
  assert.deepEqual([items.length, items[15].id, Object.keys(p).length, p.p63], [16, 15, 64, 63])
})

test('consent from the attribute of the tag is valid from the start', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/given?utm_source=mail`)
  await page.evaluate(() => footfall.consent(true))
  const { u, c } = (await site.next()).body
  assert.deepEqual([u, c], [`${site.origin}/given?utm_source=mail`, true])
  assert.deepEqual(await allSent(), ['pageview'])

  for (const path of ['/printed-false', '/bare']) {
    await page.goto(`${site.origin}${path}?utm_source=mail`)
    const { u, c } = (await site.next('pageview')).body
    assert.deepEqual([u, c], [`${site.origin}${path}`, undefined])
  }
})

test('consent given before the script has loaded is valid for the page view', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/early?utm_source=mail`)
  const { u, c } = (await site.next('pageview')).body
  assert.deepEqual([u, c], [`${site.origin}/early?utm_source=mail`, true])
  assert.equal((await site.next('purchase')).body.o, 'A-1')
  assert.deepEqual(await allSent(), ['pageview', 'purchase'])
})

test('consent is valid for the page only', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/?utm_source=mail`)
  await page.evaluate(() => footfall.consent(true))
  const left = await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length])
  assert.deepEqual(left, ['', 0, 0])
  await page.reload()
  await site.next('pageview')
  assert.equal((await site.next('pageview')).body.c, undefined)
})

/** A consent manager as IAB's TCF v2 specifies it. A test calls `decide` for the visitor's decision. */
function tcfManager() {
  const listeners = []
  let data = { eventStatus: 'cmpuishown', purpose: { consents: { 1: true, 7: true } } }
  window.__tcfapi = (command, version, callback) => {
    if (command !== 'addEventListener' || version !== 2) return callback(null, false)
    listeners.push(callback)
    callback(data, true)
  }
  window.decide = (...purposes) => {
    const consents = Object.fromEntries(purposes.map((purpose) => [purpose, true]))
    data = { eventStatus: 'useractioncomplete', purpose: { consents } }
    for (const callback of listeners) callback(data, true)
  }
}

test('the example for TCF v2 gives consent while both purposes are granted', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/tcf?utm_source=mail`)
  assert.equal((await site.next('pageview')).body.c, undefined, 'the dialog is open and there is no decision')
  await page.evaluate(() => {
    decide(1)
    footfall('One purpose')
    decide(1, 7, 10)
    footfall('Both purposes')
    decide()
    footfall('Taken back')
  })
  assert.equal((await site.next('consent')).body.u, `${site.origin}/tcf?utm_source=mail`)
  assert.equal((await site.next('One purpose')).body.c, undefined)
  assert.equal((await site.next('Both purposes')).body.c, true)
  assert.equal((await site.next('Taken back')).body.c, undefined)
})

/** A consent manager that uses Google's consent mode: a default, and `decide` for the visitor's decision. */
function googleManager() {
  window.dataLayer = []
  window.gtag = function () {
    dataLayer.push(arguments)
  }
  gtag('consent', 'default', { ad_storage: 'granted', analytics_storage: 'granted' })
  window.decide = (types) => gtag('consent', 'update', types)
}

test("the example for Google's consent mode gives consent while both types are granted", async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/google?utm_source=mail`)
  assert.equal((await site.next('pageview')).body.c, undefined, 'a default is not a decision of the visitor')
  await page.evaluate(() => {
    decide({ analytics_storage: 'granted' })
    footfall('One type')
    decide({ ad_storage: 'granted' })
    footfall('Both types')
    decide({ ad_storage: 'denied' })
    footfall('Taken back')
  })
  assert.equal((await site.next('consent')).body.u, `${site.origin}/google?utm_source=mail`)
  assert.equal((await site.next('One type')).body.c, undefined)
  assert.equal((await site.next('Both types')).body.c, true)
  assert.equal((await site.next('Taken back')).body.c, undefined)
  assert.equal(await page.evaluate(() => dataLayer.length), 4, 'the data layer still receives all entries')
})
