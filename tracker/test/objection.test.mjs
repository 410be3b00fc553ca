// Visitors who object: the tracker sends nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { STUB, html, staged, tag, visits } from './visit.mjs'

const visit = visits({
  '/': ({ otherOrigin }) =>
    html(
      `${STUB}<script>footfall('Early'); footfall('consent', true)</script>${tag()}`,
      `<a href="${otherOrigin}/">there</a><form id="f"><button>Go</button></form>
       <button id="tagged" data-footfall-event="Tagged">tagged</button>
       <script>for (const type of ['click', 'submit']) document.addEventListener(type, (event) => event.preventDefault())</script>`,
    ),
  '/stays': html(tag('data-no="engagement vitals"')),
})
const { allSent } = visit

const OBJECTIONS = {
  'the browser sends Sec-GPC': () => Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }),
  'the browser sends DNT': () => Object.defineProperty(navigator, 'doNotTrack', { value: '1' }),
  'the opt-out cookie is set': () => (document.cookie = 'footfall_optout=1; path=/'),
  'footfall_ignore is in localStorage': () => localStorage.setItem('footfall_ignore', 'true'),
}
for (const [objection, object] of Object.entries(OBJECTIONS)) {
  test(`the tracker sends nothing and adds no listener if ${objection}`, async () => {
    const { context, page, site } = visit
    await page.addInitScript(staged)
    await page.addInitScript(object)
    await page.addInitScript(() => {
      globalThis.listened = []
      const listen = globalThis.addEventListener
      globalThis.addEventListener = (type, ...more) => (listened.push(type), listen(type, ...more))
    })
    await page.goto(`${site.origin}/`)
    await page.evaluate(() => {
      footfall('Event')
      footfall('purchase', { order: 1 })
      footfall.consent(true)
      history.pushState(null, '', '/two')
      for (const element of document.querySelectorAll('a, button')) element.click()
      dispatchEvent(new ErrorEvent('error', { error: new TypeError() }))
      stage.wait(5000)
      stage.hide()
      stage.show()
    })
    assert.deepEqual(await allSent(), [])
    assert.deepEqual(site.events, [])
    assert.deepEqual(await page.evaluate(() => listened), [])
    assert.match(await page.evaluate(() => String(history.pushState)), /native code/)
    await page.evaluate(() => localStorage.clear())
    await context.clearCookies()
  })
}

test('an objection made on the page takes effect at once, for all listeners', async () => {
  const { context, page, site } = visit
  await page.addInitScript(staged)
  await page.goto(`${site.origin}/`)
  await page.evaluate(() => {
    document.cookie = 'other=1; path=/'
    footfall('Before')
    document.cookie = 'footfall_optout=1; path=/'
    footfall('After')
    footfall.consent(false)
    footfall.consent(true)
    history.pushState(null, '', '/two')
    for (const element of document.querySelectorAll('a, button')) element.click()
    dispatchEvent(new ErrorEvent('error', { error: new TypeError() }))
    stage.wait(5000)
    stage.hide()
  })
  assert.deepEqual(await allSent(), ['pageview', 'Early', 'Before'])
  await context.clearCookies()
})

test('events that happened during an objection are not sent after it is withdrawn', async () => {
  const { context, page, site } = visit
  await page.addInitScript(staged)
  await page.goto(`${site.origin}/stays`)
  await page.evaluate(() => {
    document.cookie = 'footfall_optout=1; path=/'
    history.pushState(null, '', '/two')
    footfall('Under')
    footfall('purchase', { order: 1 })
    document.cookie = 'footfall_optout=1; path=/; max-age=0'
    footfall.consent(true)
    history.pushState(null, '', '/three')
    footfall('Then')
  })
  assert.deepEqual(await allSent(), ['pageview', 'pageview', 'Then'])
  await context.clearCookies()
})
