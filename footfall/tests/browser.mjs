// One of two visits with a real Chromium: to a page with the tracker, or to the dashboard.
// Usage: node browser.mjs site|dashboard HOST:PORT LINK
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { launch } from '../../tracker/test/browser.mjs'

const [what, address, link] = process.argv.slice(2)
// Footfall refuses headless browsers as robots, so this one sends the user agent of a person's browser.
const userAgent =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

async function site() {
  const page = `<!doctype html><title>shop</title><h1>Shop</h1>
    <script defer src="http://${address}/footfall.js" data-domain="example.org" data-no="vitals"></script>`
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(page)).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  const { context, close } = await launch({ userAgent })
  try {
    const tab = await context.newPage()
    const answered = async (name, act) => {
      const answer = tab.waitForResponse(
        (response) => response.url().endsWith('/api/event') && response.request().postDataJSON().n === name,
      )
      await act()
      assert.equal((await answer).status(), 202)
      assert.equal((await answer).headers()['x-footfall-dropped'], undefined)
    }
    await answered('pageview', () => tab.goto(`http://127.0.0.1:${server.address().port}/`))
    await answered('pageview', () => tab.evaluate(() => history.pushState({}, '', '/spa')))
    await answered('Signup', () => tab.evaluate(() => window.footfall('Signup')))
  } finally {
    await close()
    server.close()
  }
}

async function dashboard() {
  const { context, close } = await launch({ userAgent })
  try {
    const tab = await context.newPage()
    const wrong = []
    tab.on('console', (message) => message.type() === 'error' && wrong.push(message.text()))
    tab.on('pageerror', (error) => wrong.push(String(error)))
    tab.on('request', (request) => new URL(request.url()).host === address || wrong.push(`requested ${request.url()}`))
    await tab.goto(link)
    await tab.getByText('example.org').first().waitFor()
    assert.ok(!tab.url().includes('token'), 'the token leaves the address bar')
    // One visitor, two page views: the day's bare totals are published, and nothing else without a crowd.
    const text = async () => (await tab.locator('body').innerText()).replace(/\s+/g, ' ')
    for (let n = 0; n < 100 && !/page views 2\b|2 page views/i.test(await text()); n++) await tab.waitForTimeout(100)
    assert.match(await text(), /page views 2\b|2 page views/i)
    assert.ok(!(await text()).includes('/spa'), 'one visitor is no crowd')
    assert.deepEqual(wrong, [])
  } finally {
    await close()
  }
}

await { site, dashboard }[what]()
