/**
 * The spine. In: the page's address, its navigation, calls of `footfall(name, options)`. Out: one small POST for each
 * page view and event. It sets no cookie, writes no storage, and knows nothing of the person but an objection, and
 * a consent for as long as the page lives.
 */
import type { Feature, Footfall, Options } from './api'
import { listen } from './listen'
import { objects } from './objection'
import { errors } from './errors'
import { address, type Carried } from './hit'
import { vitals } from './vitals'
import { engagement } from './engagement'
import { clicks } from './clicks'

type Call = [name: string, options?: Carried | boolean, feature?: Feature]
type Counting = ((...call: Call) => void) & { consent?: Footfall['consent']; q?: Call[] }
type Prerenderable = Document & { prerendering?: boolean }

/** Of the script, for whoever reads a collector's traffic. */
const VERSION = 2
const PROPS_MAX = 64
const ITEMS_MAX = 16
/** Calls kept for a page that nobody has seen yet, or for consent. */
const KEPT_MAX = 100

/** Counts this page. */
export const count = ({
  api,
  consent,
  domain,
  error,
  hash,
  no = '',
  off,
}: Options & { api: string | URL }): Footfall => {
  const page = window as Omit<Window, 'footfall'> & { footfall?: Counting }
  // A page that includes the script twice is counted once.
  const earlier = page.footfall
  if (earlier?.consent) return earlier as Footfall

  /** Calls that came before the page was seen, or before the consent they need. */
  const kept = earlier?.q || []
  const landing = location.href
  /** The landing page, while the collector has not been told that there is consent for it. */
  let untold = consent ? '' : landing
  /** The page last counted; empty while a page view waits to be seen. */
  let seen = ''
  let referrer = document.referrer

  const silent = () => off || !/^http/.test(location.protocol) || objects()

  const send = (name: string, href: string, carried: Carried = {}, feature?: Feature) =>
    silent() ||
    no.includes(feature!) ||
    fetch(api, {
      method: 'POST',
      keepalive: true, // the page may be leaving
      // As text, which needs no preflight.
      body: JSON.stringify({
        n: name,
        u: address(href, hash, consent),
        d: domain,
        r: referrer.split('/', 3).join('/'), // the path someone came from is not our business
        h: hash,
        w: screen.width,
        v: VERSION,
        p: carried.props && Object.fromEntries(Object.entries(carried.props).slice(0, PROPS_MAX)),
        i: carried.interactive,
        e: carried.e,
        sd: carried.sd,
        ...(consent && {
          c: consent,
          $: carried.revenue,
          // Field by field: a shop's own objects may say more than is meant for us.
          items: carried.items
            ?.slice(0, ITEMS_MAX)
            .map(({ id, name, category, price, quantity }) => ({ id, name, category, price, quantity })),
          o: carried.order,
        }),
      }),
    }).catch(() => {}) // nobody here could do anything about it

  const footfall: Counting = (name, options, feature) => {
    if (silent()) return
    if (name === 'consent') {
      consent = !!options
      if (consent && seen && untold) {
        send(name, untold)
        untold = ''
      }
      release()
    } else if (seen && (consent || name !== 'purchase')) send(name, location.href, options as Carried, feature)
    else if (kept.length < KEPT_MAX) kept.push([name, options, feature])
  }
  footfall.consent = (given) => footfall('consent', given)

  /** What was kept is tried again. */
  const release = () => kept.splice(0).forEach((call) => footfall(...call))

  page.footfall = footfall
  if (!silent()) {
    const pulse = engagement((e, sd) => seen && !error && send('engagement', seen, { e, sd }, 'engagement'))
    const forget = errors((name) => footfall('error', { props: { name } }, 'errors'))
    clicks(footfall)

    /** Counts the page once someone sees it: a hidden tab or a prerendered page waits. */
    const view = () => {
      seen = ''
      if ((document as Prerenderable).prerendering || document.hidden || silent()) return
      seen = location.href
      pulse(true)
      forget()
      footfall(error || 'pageview')
      release()
    }

    /** Counts a step within the page's own router. The query makes no other page: the collector drops it. */
    const step = () => {
      if (address(location.href, hash) === address(seen, hash)) return
      pulse(false)
      error = ''
      if (seen) referrer = location.origin
      view()
    }

    for (const method of ['pushState', 'replaceState'] as const) {
      const original = history[method]
      history[method] = (...change) => {
        original.apply(history, change)
        step()
      }
    }
    listen('popstate hashchange', step)
    listen('pageshow', (event) => (event as PageTransitionEvent).persisted && view())
    // Chromium makes a prerendered page visible a moment before it says that it is no longer prerendering.
    listen('visibilitychange prerenderingchange', () => seen || view(), true)

    release()
    view()
    if (seen && !no.includes('vitals')) vitals((props) => send('vitals', landing, { props }))
  }

  return footfall as Footfall
}
