// Uncaught errors: their class is reported, their message never.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { html, tag, visits } from './visit.mjs'

const visit = visits({
  '/': html(tag('data-no="engagement vitals"')),
  '/no': html(tag('data-no="engagement vitals errors"')),
})
const { allSent } = visit

/** Throws each of these uncaught, one after the other. */
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

test('an uncaught error reports the name of its class', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await fail(page, 'new TypeError("secret")')
  const { body } = await site.next('error')
  assert.deepEqual([body.n, body.p], ['error', { name: 'TypeError' }])
  assert.ok(!JSON.stringify(body).includes('secret'))
})

test('an unhandled rejection reports the name of its class', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  await page.evaluate(() => {
    Promise.reject(new RangeError('secret'))
  })
  const { body } = await site.next('error')
  assert.deepEqual(body.p, { name: 'RangeError' })
  assert.ok(!JSON.stringify(body).includes('secret'))
})

test('each class is reported once per page, at most five classes', async () => {
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

test('a value without a proper class name is not reported', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/`)
  const odd = ['undefined', 'null', 'Object.create(null)', '{ constructor: { name: "someone@example.org" } }']
  await fail(page, ...odd, `{ constructor: { name: "${'a'.repeat(41)}" } }`)
  assert.deepEqual(await allSent(), ['pageview'])
})

test('data-no="errors" switches error events off', async () => {
  const { page, site } = visit
  await page.goto(`${site.origin}/no`)
  await fail(page, 'new TypeError("secret")')
  assert.deepEqual(await allSent(), ['pageview'])
})
