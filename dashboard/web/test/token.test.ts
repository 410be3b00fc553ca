import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takeToken } from '../src/token'

/** A tab: its address and its session storage. */
function tab(hash: string, stored: Record<string, string> = {}) {
  const location = { hash, pathname: '/', search: '?period=7d' }
  let address = location.pathname + location.search + hash
  return {
    location,
    history: {
      state: null,
      replaceState: (_: unknown, __: string, url?: string | URL | null) => void (address = `${url}`),
    },
    sessionStorage: {
      getItem: (key: string) => stored[key] ?? null,
      setItem: (key: string, value: string) => void (stored[key] = value),
    },
    stored,
    address: () => address,
  }
}

test('a token is moved from the address bar to the tab', () => {
  const opened = tab('#token=s3cret')
  assert.equal(takeToken(opened), 's3cret')
  assert.equal(opened.address(), '/?period=7d')
  assert.equal(takeToken(tab('', opened.stored)), 's3cret')
})

test('the token of a new link replaces the old one', () => {
  const opened = tab('#token=new', { 'footfall-token': 'old' })
  assert.equal(takeToken(opened), 'new')
  assert.deepEqual(opened.stored, { 'footfall-token': 'new' })
})

test('without a link there is no token, and the address is left alone', () => {
  const opened = tab('#chapter')
  assert.equal(takeToken(opened), null)
  assert.equal(opened.address(), '/?period=7d#chapter')
})
