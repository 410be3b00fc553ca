/**
 * The script for pages. In: the page's address, its navigation, calls of `footfall(name, options)`. Out: one small POST
 * for each page view and event. It sets no cookie, writes no storage, and knows nothing of the person but an objection.
 *
 *     <script defer src="https://stats.example.org/footfall.js" data-domain="example.org"></script>
 *
 * - `data-domain`  the site's name in Footfall; default: the page's host name
 * - `data-api`     where events go; default: `api/event` beside this script
 * - `data-hash`    the fragment is part of the page (`/#/about`), and a change of it is a page view
 * - `data-off`     send nothing (for a template that is also used where nothing is to be counted)
 *
 * Events may be called before this script has loaded, through a stub that keeps them until then:
 *
 *     window.footfall ??= function () { (footfall.q ??= []).push(arguments) }
 *     footfall('Sign up', { props: { plan: 'free' } })
 *     footfall('Video ended', { interactive: false })   // does not turn a bounce into a visit that stayed
 */
import { objects } from './objection'

interface Options {
  props?: Record<string, string | number | boolean>
  interactive?: boolean
}
type Call = [name: string, options?: Options]
type Footfall = ((...call: Call) => void) & { q?: ArrayLike<unknown>[]; on?: 1 }

/** Characters of the address that are sent; the collector takes 2 KiB. */
const URL_MAX = 2000
/** Calls kept for a page that nobody has seen yet. */
const EARLY_MAX = 100

const page = window as Window & { footfall?: Footfall }
const doc = document as Document & { prerendering?: boolean }
const script = document.currentScript as HTMLScriptElement | null

// `on`: a page that includes the script twice is counted once.
if (script && !page.footfall?.on) {
  const { api, domain, hash, off } = script.dataset
  const hashed = hash !== undefined
  const endpoint = api || new URL('api/event', script.src).href
  /** Calls that came before the page was seen: they follow its page view. */
  const early = (page.footfall?.q || []) as Call[]
  /** The page last counted; undefined while a page view waits to be seen. */
  let seen: string | undefined
  let referrer = document.referrer

  /** What tells pages apart: the query does not (the collector drops it). */
  const here = () => location.pathname + (hashed ? location.hash : '')

  const send = (name: string, { props, interactive }: Options = {}) => {
    if (!/^http/.test(location.protocol) || off !== undefined || objects()) return
    fetch(endpoint, {
      method: 'POST',
      keepalive: true, // the page may be leaving
      headers: { 'content-type': 'text/plain' }, // needs no preflight
      body: JSON.stringify({
        n: name,
        u: (hashed ? location.href : location.href.replace(/#.*/, '')).slice(0, URL_MAX),
        d: domain || location.hostname,
        r: referrer.split('/', 3).join('/'), // the path someone came from is not our business
        p: props,
        i: interactive,
        h: hashed ? 1 : undefined,
        w: screen.width,
      }),
    }).catch(() => {}) // nobody here could do anything about it
  }

  const footfall: Footfall = (...call) => {
    if (seen !== undefined) send(...call)
    else if (early.length < EARLY_MAX) early.push(call)
  }

  /** Counts the page once someone sees it: a hidden tab or a prerendered page waits. */
  const view = () => {
    seen = undefined
    if (doc.prerendering || doc.visibilityState === 'hidden') return
    seen = here()
    send('pageview')
    for (const call of early.splice(0)) send(...call)
  }

  /** Counts a step within the page's own router. */
  let url = location.href
  const step = () => {
    if (here() === seen) return
    if (seen !== undefined) referrer = url
    url = location.href
    view()
  }

  for (const method of ['pushState', 'replaceState'] as const) {
    const original = history[method]
    history[method] = function (...change) {
      original.apply(this, change)
      step()
    }
  }
  addEventListener('popstate', step)
  addEventListener('hashchange', step)
  addEventListener('pageshow', (event) => event.persisted && view())
  // Chromium makes a prerendered page visible a moment before it says that it is no longer prerendering.
  for (const change of ['visibilitychange', 'prerenderingchange']) {
    doc.addEventListener(change, () => seen === undefined && view())
  }

  footfall.on = 1
  page.footfall = footfall
  view()
}
