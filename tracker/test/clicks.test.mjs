// Clicks and forms: links, downloads, submitted forms, and elements that the page has tagged.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { html, tag, visits } from './visit.mjs'

/** Keeps the browser on the page. The tracker must work all the same. */
const STAY = `<script>for (const type of ['click', 'auxclick', 'submit']) {
  document.addEventListener(type, (event) => {
    if (type === 'submit' || event.target.closest?.('a')) event.preventDefault()
    event.stopPropagation()
  })
}</script>`
const body = ({ origin, otherOrigin }) => `
  <a id="out" href="${otherOrigin}/private/path?token=secret"><b>there</b></a>
  <a id="in" href="${origin}/other">here</a>
  <a id="mail" href="mailto:someone@example.org">write</a>
  <a id="file" href="/files/Report.PDF?token=secret#page=3">report</a>
  <a id="far-file" href="${otherOrigin}/files/all.zip?token=secret">all</a>
  <form id="signup"><input name="id" value="secret"><input name="name" value="secret"><button>Go</button></form>
  <form name="search"><input name="q" value="secret"><button>Go</button></form>
  <form class="anonymous"><button>Go</button></form>
  <button id="tagged" data-footfall-event="Sign up" data-footfall-prop-plan="free" data-footfall-prop-from-page="2" data-id="secret">
    <b>Sign <i>up</i></b>
  </button>
  <form id="order" data-footfall-event="Order" data-footfall-prop-step="2"><input id="note"><button>Go</button></form>
  <p id="nothing">nothing</p>`

const visit = visits({
  '/': (origins) => html(tag('data-no="engagement vitals"') + STAY, body(origins)),
  '/leaves': (origins) => html(tag('data-no="engagement vitals"'), body(origins)),
  '/no': (origins) => html(tag('data-no="outbound downloads forms engagement vitals"') + STAY, body(origins)),
  '/private/path': 'elsewhere',
})
const { allSent } = visit

test('a click on a link to another host reports the origin, and the browser follows the link', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/leaves`)
  await page.click('#out b')
  const { n, u, p } = (await site.next('Outbound Link: Click')).body
  assert.deepEqual([n, u, p], ['Outbound Link: Click', `${site.origin}/leaves`, { url: site.otherOrigin }])
  await page.waitForURL('**/private/path?token=secret')
})

test('a click with the middle button is reported, with the right button not', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await page.click('#out', { button: 'right' })
  assert.deepEqual(await allSent(), ['pageview'])
  await page.click('#out', { button: 'middle' })
  assert.deepEqual((await site.next('Outbound Link: Click')).body.p, { url: site.otherOrigin })
})

test('a click on a link within the site, on a mail address or on plain text is not reported', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await page.click('#in')
  await page.click('#mail')
  await page.click('#nothing')
  await page.evaluate(() => document.dispatchEvent(new Event('click')))
  assert.deepEqual(await allSent(), ['pageview'])
})

test('a download reports the file without its query', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await page.click('#file')
  assert.deepEqual((await site.next('File Download')).body.p, { url: `${site.origin}/files/Report.PDF` })
  await page.click('#far-file')
  assert.deepEqual((await site.next('File Download')).body.p, { url: `${site.otherOrigin}/files/all.zip` })
  assert.deepEqual(await allSent(), ['pageview', 'File Download', 'File Download'])
})

test('a submitted form reports its id or its name, and none of its fields', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  for (const form of ['#signup', '[name=search]', '.anonymous']) await page.click(`form${form} button`)
  const sent = []
  for (let form = 0; form < 3; form++) sent.push((await site.next('Form: Submission')).body)
  assert.deepEqual(sent.map(({ p }) => p.name ?? '').sort(), ['', 'search', 'signup'])
  assert.ok(!JSON.stringify(sent).includes('secret'))
})

test('a click on a tagged element, or inside it, sends its event and properties', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await page.click('#tagged i')
  assert.deepEqual((await site.next('Sign up')).body.p, { plan: 'free', 'from-page': '2' })
})

test('a tagged form sends its event when it is submitted, not when it is clicked', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await page.click('#note')
  assert.deepEqual(await allSent(), ['pageview'])
  await page.click('#order button')
  assert.deepEqual((await site.next('Order')).body.p, { step: '2' })
  assert.deepEqual(await allSent(), ['pageview', 'Order', 'Form: Submission'])
})

test('data-no switches off outbound links, downloads and forms, but not tagged elements', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/no`)
  for (const what of ['#out', '#file', '#signup button', '#tagged']) await page.click(what)
  assert.deepEqual(await allSent(), ['pageview', 'Sign up'])
})
