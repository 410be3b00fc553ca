// A visitor of a first-party page objects, then withdraws the objection. Usage: node opt_out.mjs ORIGIN
// It prints nothing, and fails if a check fails. If SCREENSHOTS is set, screenshots go to that folder.
import assert from 'node:assert/strict'
import { launch } from '../../tracker/test/browser.mjs'

const [origin] = process.argv.slice(2)
// Footfall refuses headless browsers as robots, so this one sends the user agent of a person's browser.
const userAgent =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'
const shots = process.env.SCREENSHOTS

const { context, close } = await launch({ userAgent, locale: 'fr-FR' })
try {
  const tab = await context.newPage()
  const sent = []
  tab.on('request', (request) => request.url().includes('/api/event') && sent.push(request.url()))
  const cookie = async () => (await context.cookies(origin)).find(({ name }) => name === 'footfall_optout')

  const answer = tab.waitForResponse((response) => response.url() === `${origin}/stats/api/event`)
  await tab.goto(`${origin}/`)
  assert.equal((await answer).status(), 202)
  assert.equal(sent.length, 1)
  assert.equal(await cookie(), undefined, 'being counted sets no cookie')

  await tab.goto(`${origin}/stats/opt-out`)
  assert.equal(await tab.getByRole('status').innerText(), 'Vos visites sur ce site sont comptées.')
  if (shots) await tab.screenshot({ path: `${shots}/opt-out.png` })
  await tab.getByRole('button', { name: 'Ne pas compter mes visites' }).click()
  await tab.getByText('Vous vous êtes opposé(e)').waitFor()
  const set = await cookie()
  assert.equal(set.value, '1')
  const days = (set.expires - Date.now() / 1000) / 86_400
  assert.ok(days > 394 && days < 396, `13 months, not ${days} days`)
  if (shots) {
    await tab.emulateMedia({ colorScheme: 'dark' })
    await tab.setViewportSize({ width: 360, height: 640 })
    await tab.screenshot({ path: `${shots}/opt-out-dark-narrow.png` })
  }

  // The tracker sends nothing. Hits that are sent in other ways are refused, the pixel too.
  await tab.goto(`${origin}/`)
  await tab.waitForLoadState('networkidle')
  assert.equal(sent.length, 1, 'the tracker sends nothing after the objection')
  const dropped = await tab.evaluate(async () => {
    const body = JSON.stringify({ n: 'pageview', u: 'https://example.org/', d: 'example.org' })
    const answers = [
      await fetch('/stats/api/event', { method: 'POST', body }),
      await fetch('/stats/f.gif?d=example.org&p=/'),
      await fetch('/stats/b/example.org/spring.gif'),
    ]
    return answers.map((answer) => answer.headers.get('x-footfall-dropped'))
  })
  assert.deepEqual(dropped, ['opt_out', 'opt_out', 'opt_out'])
  assert.equal((await cookie()).expires, set.expires, 'the cookie is not prolonged')

  await tab.goto(`${origin}/stats/opt-out`)
  await tab.getByRole('button', { name: 'Compter de nouveau mes visites' }).click()
  await tab.getByText('Vos visites sur ce site sont comptées.').waitFor()
  assert.equal(await cookie(), undefined)
  const again = tab.waitForResponse((response) => response.url() === `${origin}/stats/api/event`)
  await tab.goto(`${origin}/`)
  assert.equal((await again).headers()['x-footfall-dropped'], undefined)
} finally {
  await close()
}
