// One browser per test file, and one site and one page per test. Records the events that the page sends, in order.
import { after, afterEach, before, beforeEach } from 'node:test'
import { launch, serveSite } from './browser.mjs'

export const html = (script, body = '') => `<!doctype html><title>page</title>${script}<body>${body}</body>`
/** The tracker's tag, with further attributes. */
export const tag = (attributes = '') =>
  `<script defer src="/footfall.js" data-domain="example.org" ${attributes}></script>`
/** Queues calls until the script has loaded. */
export const STUB = '<script>window.footfall ??= function () { (footfall.q ??= []).push(arguments) }</script>'

/** To be called once per test file. The result contains `context`, `site` and `page` of the running test. */
export function visits(pages) {
  const visit = { sent: [] }
  let browser

  before(async () => {
    browser = await launch()
    visit.context = browser.context
  })
  after(() => browser.close())
  beforeEach(async () => {
    visit.site = await serveSite(pages)
    visit.page = await visit.context.newPage()
    visit.sent = []
    visit.page.on('request', (request) => {
      if (new URL(request.url()).pathname === '/api/event') visit.sent.push(request.postDataJSON().n)
    })
  })
  afterEach(async () => {
    await visit.page.close()
    await visit.site.close()
  })

  /** The names of all events sent so far. This function sends a request, which is seen after all earlier ones. */
  visit.allSent = async () => {
    await visit.page.evaluate(() => fetch('/mark').catch(() => {}))
    return visit.sent
  }
  return visit
}

/**
 * For `addInitScript`: `stage` lets a test control visibility, focus and clock of the page. (A headless browser has one
 * window, which is always in front.)
 */
export function staged({ hidden = false } = {}) {
  let focused = true
  let now = 1
  Object.defineProperty(document, 'hidden', { get: () => hidden })
  document.hasFocus = () => focused
  performance.now = () => now
  globalThis.stage = {
    hide(is_hidden = true) {
      hidden = is_hidden
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
    },
    show: () => stage.hide(false),
    blur() {
      focused = false
      dispatchEvent(new Event('blur'))
    },
    focus() {
      focused = true
      dispatchEvent(new Event('focus'))
    },
    wait: (ms) => (now += ms),
  }
}
