// A real Chromium, and a small site that records the requests of the tracker. The test that opens them closes them.
// Neither knows what the test checks.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { footfallJs, footfallMjs } from '../build.mjs'

const CHROMIUM = '/usr/bin/chromium'
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
/** Longest wait for an event. */
const ARRIVAL_MS_MAX = 30_000

/**
 * Starts Chromium with an empty profile. `context` is Playwright's; `close` ends the browser and removes the profile.
 */
export async function launch(options = {}) {
  const profile = await mkdtemp(join(tmpdir(), 'footfall-chromium-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    args: FLAGS,
    // Playwright switches the back/forward cache off. In the browsers of visitors it is on.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    ...options,
  })
  const close = async () => {
    await context.close()
    await rm(profile, { recursive: true, force: true })
  }
  return { context, close }
}

/** Starts Chromium on `url` without a debugger, because Chromium does not prerender pages under a debugger. */
export async function open(url) {
  const profile = await mkdtemp(join(tmpdir(), 'footfall-chromium-'))
  // Its own process group, so that `close` also ends its child processes.
  const browser = spawn(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`, url], { detached: true, stdio: 'ignore' })
  const close = async () => {
    const ended = browser.exitCode === null ? once(browser, 'exit') : undefined
    process.kill(-browser.pid, 'SIGKILL')
    await ended
    await rm(profile, { recursive: true, force: true, maxRetries: 10 })
  }
  return { close }
}

let built
/** The tracker's files, built from the current source. */
const files = async () => ({ '/footfall.js': (await footfallJs()).script, '/footfall.mjs': await footfallMjs() })

/**
 * Serves `pages` (path -> HTML, or a function of the site's two origins, which may be async), the tracker,
 * `POST /api/event` and `GET /f.gif`. `events` contains the events in order of arrival, `pixels` the requested images.
 * `next(name)` resolves with the oldest event that no earlier call returned; with a name, with the oldest of that name.
 */
export async function serveSite(pages) {
  const scripts = await (built ??= files())
  const events = []
  const pixels = []
  const arrived = []
  const waiting = []

  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://site')
    const query = Object.fromEntries(searchParams)
    if (request.method === 'POST' && pathname === '/api/event') {
      let body = ''
      request.on('data', (chunk) => (body += chunk))
      request.on('end', () => {
        const { host, 'content-type': type, 'sec-purpose': purpose } = request.headers
        const event = { body: JSON.parse(body), host, type, purpose, query }
        events.push(event)
        const taker = waiting.find(({ name }) => !name || name === event.body.n)
        if (taker) taker.take(event)
        else arrived.push(event)
        response.writeHead(202, { 'access-control-allow-origin': '*' }).end('ok')
      })
    } else if (pathname === '/f.gif') {
      pixels.push({ query, referer: request.headers.referer })
      response.writeHead(200, { 'content-type': 'image/gif' }).end()
    } else if (pathname in scripts) {
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(scripts[pathname])
    } else if (pathname in pages) {
      const page = pages[pathname]
      const html = typeof page === 'function' ? await page(origins) : page
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html)
    } else {
      response.writeHead(404).end()
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()

  const origins = { origin: `http://localhost:${port}`, otherOrigin: `http://127.0.0.1:${port}` }

  const next = (name) => {
    const at = arrived.findIndex(({ body }) => !name || body.n === name)
    return at < 0 ? within(ARRIVAL_MS_MAX, name, waiting) : Promise.resolve(arrived.splice(at, 1)[0])
  }
  return {
    ...origins,
    events,
    pixels,
    next,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      }),
  }
}

/** The next event of this name (without a name: of any name) that the server passes to an entry of `waiting`. */
function within(milliseconds, name, waiting) {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer)
      waiting.splice(waiting.indexOf(taker), 1)
    }
    const timer = setTimeout(() => {
      done()
      reject(new Error(`no event ${name ?? ''} has arrived for ${milliseconds} ms`))
    }, milliseconds)
    const take = (event) => {
      done()
      resolve(event)
    }
    const taker = { name, take }
    waiting.push(taker)
  })
}
