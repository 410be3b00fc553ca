// Which kinds of error a page runs into: never what the error says.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { html, tag, visits } from './visit.mjs'

const visit = visits({
  '/': html(tag('data-no="engagement vitals"')),
  '/no': html(tag('data-no="engagement vitals errors"')),
})
const { allSent } = visit

/** Throws each of these, and lets the browser report them, one after the other. */
const fail = (page, ...expressions) =>
  page.evaluate(
    (expressions) =>
      Promise.all(
        expressions.map(
          (expression) =>
            new Promise((failed) => {
              const script = document.createElement('script')
              script.textContent = `throw ${expression}`
              document.body.append(script)
              setTimeout(failed)
            }),
        ),
      ),
    expressions,
  )

test('an error nobody caught tells the name of its class', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await fail(page, 'new TypeError("secret")')
  const { body } = await site.next('error')
  assert.deepEqual([body.n, body.p], ['error', { name: 'TypeError' }])
  assert.ok(!JSON.stringify(body).includes('secret'))
})

test('so does a promise that nobody caught', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await page.evaluate(() => {
    Promise.reject(new RangeError('secret'))
  })
  const { body } = await site.next('error')
  assert.deepEqual(body.p, { name: 'RangeError' })
  assert.ok(!JSON.stringify(body).includes('secret'))
})

test('each class is told once a page, at most five of them', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  const many = ['A', 'A', 'B', 'C', 'D', 'E', 'F'].map((name) => `new (class ${name} extends Error {})('secret')`)
  await fail(page, ...many)
  const names = []
  for (let n = 0; n < 5; n++) names.push((await site.next('error')).body.p.name)
  assert.deepEqual(names.sort(), ['A', 'B', 'C', 'D', 'E'])
  assert.equal((await allSent()).length, 6)

  await page.evaluate(() => history.pushState(null, '', '/two'))
  await fail(page, many[0])
  assert.deepEqual((await site.next('error')).body.p, { name: 'A' })
})

test('what is no class name is not told', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  const odd = ['undefined', 'null', 'Object.create(null)', '{ constructor: { name: "someone@example.org" } }']
  await fail(page, ...odd, `{ constructor: { name: "${'a'.repeat(41)}" } }`)
  assert.deepEqual(await allSent(), ['pageview'])
})

test('data-no="errors" sends none', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/no`)
  await fail(page, 'new TypeError("secret")')
  assert.deepEqual(await allSent(), ['pageview'])
})
