// Web vitals, as Chromium measures them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { html, tag, visits } from './visit.mjs'

const BODY = `<h1>Words to paint</h1><button onclick="for (const end = Date.now() + 100; Date.now() < end; ) ;">slow</button>
  <p id="moved">This moves</p>`
const visit = visits({
  '/': html(tag('data-no="engagement"'), BODY),
  '/next': html(tag('data-no="engagement vitals"'), BODY),
})
const { allSent } = visit

/** Waits in the page until the browser has reported a performance entry of this type that satisfies the condition. */
const entry = (page, type, passes = 'true') =>
  page.evaluate(
    ([type, passes]) =>
      new Promise((found) => {
        const test = new Function('entry', `return ${passes}`)
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (test(entry)) found(entry.toJSON())
        }).observe({ type, buffered: true, durationThreshold: 16 })
      }),
    [type, passes],
  )

test('the vitals are reported once, when the page is first hidden, for the page that was loaded', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/?q=1`)
  const paint = await entry(page, 'paint', 'entry.name === "first-contentful-paint"')
  await entry(page, 'largest-contentful-paint')
  await page.click('button')
  const slow = await entry(page, 'event', 'entry.interactionId && entry.duration >= 100')
  // The browser ignores layout shifts within half a second of a click, so the shifts repeat.
  await page.evaluate(() => {
    let turn = 0
    globalThis.moving = setInterval(() => (moved.style.marginTop = `${(turn++ % 2) * 50}px`), 300)
  })
  const { value } = await entry(page, 'layout-shift', '!entry.hadRecentInput')
  await page.evaluate(() => clearInterval(moving))
  await page.evaluate(() => history.pushState(null, '', '/step'))
  assert.deepEqual(await allSent(), ['pageview', 'pageview'])

  await page.goto(`${site.origin}/next`)
  const { body } = await site.next('vitals')
  assert.equal(body.u, `${site.origin}/`)
  const { LCP, INP, CLS, FCP, TTFB, ...others } = body.p
  assert.deepEqual(others, {})
  assert.equal(FCP, Math.floor(paint.startTime))
  assert.ok(LCP >= FCP, `LCP ${LCP}, FCP ${FCP}`)
  assert.ok(INP >= slow.duration, `INP ${INP}, one interaction took ${slow.duration}`)
  assert.ok(CLS >= value && CLS < 100, `CLS ${CLS}, one shift was ${value}`)
  assert.ok(Number.isInteger(TTFB) && TTFB >= 0 && TTFB <= FCP, `TTFB ${TTFB}`)
})

/** For `addInitScript`: `turn()` hides a visible page and shows a hidden one. */
function turning(hidden) {
  Object.defineProperty(document, 'hidden', { get: () => hidden })
  globalThis.turn = () => {
    hidden = !hidden
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
  }
}

test('the vitals are not reported a second time', async () => {
  const { page, site } = visit
  await page.addInitScript(turning, false)
  await page.goto(`${site.origin}/`)
  await page.evaluate(() => (turn(), turn(), turn(), turn()))
  assert.deepEqual(await allSent(), ['pageview', 'vitals'])
  assert.equal((await site.next('vitals')).body.p.CLS, 0, 'nothing moved')
})

test('a page that loads while hidden reports no vitals', async () => {
  const { page, site } = visit
  await page.addInitScript(turning, true)
  await page.goto(`${site.origin}/`)
  await page.evaluate(() => (turn(), turn()))
  assert.deepEqual(await allSent(), ['pageview'])
})

test('data-no="vitals" switches vitals off', async () => {
  const { page, site } = visit
  await page.addInitScript(turning, false)
  await page.goto(`${site.origin}/next`)
  await page.evaluate(() => turn())
  assert.deepEqual(await allSent(), ['pageview'])
})
