// Pages in browsers without scripts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launch, serveSite } from './browser.mjs'
import { html, tag } from './visit.mjs'

const PIXEL = '<noscript><img src="/f.gif?d=example.org" alt=""></noscript>'

for (const javaScriptEnabled of [false, true]) {
  test(`the pixel is ${javaScriptEnabled ? 'not loaded if scripts run' : 'loaded if no scripts run'}`, async () => {
    const site = await serveSite({ '/page': html(tag(), PIXEL) })
    const browser = await launch({ javaScriptEnabled })
    try {
      const page = await browser.context.newPage()
      await page.goto(`${site.origin}/page`)
      if (javaScriptEnabled) await site.next('pageview')
      const loaded = { query: { d: 'example.org' }, referer: `${site.origin}/page` }
      assert.deepEqual(site.pixels, javaScriptEnabled ? [] : [loaded])
      assert.equal(site.events.length, javaScriptEnabled ? 1 : 0)
    } finally {
      await browser.close()
      await site.close()
    }
  })
}
