// Engagement: time on a page and scroll depth.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { html, staged, tag, visits } from './visit.mjs'

const TALL = '<div style="height: 400vh"></div>'
const visit = visits({
  '/': html(tag('data-no="vitals"')),
  '/tall': html(tag('data-no="vitals"'), TALL),
  '/other': html(tag('data-no="vitals"')),
  '/404': html(tag('data-error="404" data-no="vitals"')),
  '/no': html(tag('data-no="engagement vitals"')),
})
const { allSent } = visit

const scrollToEnd = () =>
  new Promise((scrolled) => {
    addEventListener('scroll', scrolled, { once: true })
    scrollTo(0, 1e6)
  })

test('time counts only while the page is visible and focused, and is reported from 3 seconds on', async () => {
  const { page, site } = visit
  await page.addInitScript(staged)
  await page.goto(`${site.origin}/`)
  await page.evaluate(() => {
    stage.wait(2000)
    stage.blur()
  })
  const first = (await site.next('engagement')).body
  // A page without a scroll bar is fully visible. That scroll depth is new, so it is reported after any time.
  assert.deepEqual([first.u, first.d, first.e, first.sd], [`${site.origin}/`, 'example.org', 2000, 100])

  await page.evaluate(() => {
    stage.wait(60_000) // behind another window
    stage.focus()
    stage.wait(1500)
    stage.hide()
    stage.wait(60_000) // behind another tab
    stage.show()
    stage.wait(1499)
    stage.blur()
  })
  assert.deepEqual(await allSent(), ['pageview', 'engagement'], '2999 ms are not worth a request')

  await page.evaluate(() => {
    stage.focus()
    stage.wait(1)
    stage.hide()
  })
  const second = (await site.next('engagement')).body
  assert.deepEqual([second.e, second.sd], [3000, 100])
})

test('the deepest scroll is reported if it grew', async () => {
  const { page, site } = visit
  await page.addInitScript(staged)
  await page.goto(`${site.origin}/tall`)
  await page.evaluate(() => stage.hide())
  const { sd } = (await site.next('engagement')).body
  assert.ok(sd >= 20 && sd <= 30, `a quarter of the page, not ${sd}`)

  await page.evaluate(() => stage.show())
  await page.evaluate(scrollToEnd)
  await page.evaluate(() => scrollTo(0, 0))
  await page.evaluate(() => stage.hide())
  assert.equal((await site.next('engagement')).body.sd, 100)

  await page.evaluate(() => {
    stage.show()
    stage.hide()
  })
  assert.deepEqual(await allSent(), ['pageview', 'engagement', 'engagement'])
})

test("a step of the page's router reports the page before it, and begins a new measurement", async () => {
  const { page, site } = visit
  await page.addInitScript(staged)
  await page.goto(`${site.origin}/tall?q=1`)
  await page.evaluate(scrollToEnd)
  await page.evaluate(() => {
    stage.wait(5000)
    history.pushState(null, '', '/two?q=2')
    scrollTo(0, 0)
  })
  const first = (await site.next('engagement')).body
  assert.deepEqual([first.u, first.e, first.sd], [`${site.origin}/tall`, 5000, 100])
  assert.deepEqual(await allSent(), ['pageview', 'engagement', 'pageview'])

  await page.evaluate(() => {
    stage.wait(3000)
    history.pushState(null, '', '/three')
  })
  const second = (await site.next('engagement')).body
  assert.deepEqual([second.u, second.e], [`${site.origin}/two`, 3000])
  assert.ok(second.sd <= 30, `the scroll of the page before is not this page's: ${second.sd}`)
})

test('leaving for another page and coming back is reported separately', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/tall`)
  await page.evaluate(scrollToEnd)
  await page.goto(`${site.origin}/other`)
  const left = (await site.next('engagement')).body
  assert.deepEqual([left.u, left.sd], [`${site.origin}/tall`, 100])
  assert.ok(Number.isInteger(left.e) && left.e >= 0, `${left.e}`)

  await page.evaluate(() => history.back())
  const other = (await site.next('engagement')).body
  assert.equal(other.u, `${site.origin}/other`)
  for (let view = 0; view < 3; view++) await site.next('pageview')
  // The returned page sends its page view before the browser reports that it has loaded. If the test continued before
  // that, it would interrupt the return.
  await page.waitForURL(`${site.origin}/tall`, { waitUntil: 'commit' })
  await page.goto(`${site.origin}/no`)
  assert.equal((await site.next('engagement')).body.u, `${site.origin}/tall`, 'the page from the cache is one more')
})

test('an engagement event contains the consent, and then the query of the page that is left', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/?q=1`)
  await page.evaluate(() => {
    footfall.consent(true)
    history.pushState(null, '', '/two?q=2')
  })
  const { u, c } = (await site.next('engagement')).body
  assert.deepEqual([u, c], [`${site.origin}/?q=1`, true])
})

test('no engagement is reported for a page that was not counted', async () => {
  const { page, site } = visit
  await page.addInitScript(staged, { hidden: true })
  await page.goto(`${site.origin}/`)
  await page.evaluate(() => {
    stage.wait(5000)
    stage.blur()
    history.pushState(null, '', '/two')
  })
  assert.deepEqual(await allSent(), [], 'the page was never visible')

  await page.goto(`${site.origin}/404`)
  await page.evaluate(() => {
    stage.show()
    stage.wait(5000)
    stage.blur()
  })
  assert.deepEqual(await allSent(), ['404'])
})

test('data-no="engagement" switches engagement events off', async () => {
  const { page, site } = visit
  await page.addInitScript(staged)
  await page.goto(`${site.origin}/no`)
  await page.evaluate(() => {
    stage.wait(5000)
    stage.hide()
  })
  assert.deepEqual(await allSent(), ['pageview'])
})
