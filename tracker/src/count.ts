/**
 * The main module. Input: the page's address, its navigation, and calls of `footfall(name, options)`. Output: one small
 * POST for each page view and event. It sets no cookie and writes no storage. Of the visitor it knows only an
 * objection, and a consent until the page is unloaded.
 */
import type { Feature, Footfall, Options } from './api'
import { listen } from './listen'
import { objects } from './objection'
import { errors } from './errors'
import { address, type EventFields } from './hit'
import { vitals } from './vitals'
import { engagement } from './engagement'
import { clicks } from './clicks'

type Call = [name: string, options?: EventFields | boolean, feature?: Feature]
type Counting = ((...call: Call) => void) & { consent?: Footfall['consent']; q?: Call[] }
type Prerenderable = Document & { prerendering?: boolean }

/** Version of the script, sent with each event for the diagnosis of a collector's traffic. */
const VERSION = 2
const PROPS_MAX = 64
const ITEMS_MAX = 16
/** Largest number of queued calls: calls that wait until the page becomes visible, or until there is consent. */
const QUEUE_MAX = 100

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
  // If a page includes the script twice, the page is counted once.
  const earlier = page.footfall
  if (earlier?.consent) return earlier as Footfall

  /** Calls from before the page was visible, or from before the consent that they need. */
  const queue = earlier?.q || []
  const landing = location.href
  /** The landing page until its consent is sent to the collector; then empty. */
  let landingWithoutConsent = consent ? '' : landing
  /** The page counted last; empty while a page view waits until the page is visible. */
  let counted = ''
  let referrer = document.referrer

  const isSilent = () => off || !/^http/.test(location.protocol) || objects()

  const send = (name: string, href: string, fields: EventFields = {}, feature?: Feature) =>
    isSilent() ||
    no.includes(feature!) ||
    fetch(api, {
      method: 'POST',
      keepalive: true, // the page may be unloading
      // The content type is text, which needs no CORS preflight.
      body: JSON.stringify({
        n: name,
        u: address(href, hash, consent),
        d: domain,
        r: referrer.split('/', 3).join('/'), // the origin only: the path on the other site is not collected
        h: hash,
        w: screen.width,
        v: VERSION,
        p: fields.props && Object.fromEntries(Object.entries(fields.props).slice(0, PROPS_MAX)),
        i: fields.interactive,
        e: fields.e,
        sd: fields.sd,
        ...(consent && {
          c: consent,
          $: fields.revenue,
          // Copied field by field: a shop's objects can contain more fields than it wants to send.
          items: fields.items
            ?.slice(0, ITEMS_MAX)
            .map(({ id, name, category, price, quantity }) => ({ id, name, category, price, quantity })),
          o: fields.order,
        }),
      }),
    }).catch(() => {}) // the page cannot do anything about a failed request

  const footfall: Counting = (name, options, feature) => {
    if (isSilent()) return
    if (name === 'consent') {
      consent = !!options
      if (consent && counted && landingWithoutConsent) {
        send(name, landingWithoutConsent)
        landingWithoutConsent = ''
      }
      replayQueue()
    } else if (counted && (consent || name !== 'purchase')) send(name, location.href, options as EventFields, feature)
    else if (queue.length < QUEUE_MAX) queue.push([name, options, feature])
  }
  footfall.consent = (given) => footfall('consent', given)

  /** Repeats the queued calls. A call that must still wait is queued again. */
  const replayQueue = () => queue.splice(0).forEach((call) => footfall(...call))

  page.footfall = footfall
  if (!isSilent()) {
    const pageChange = engagement((e, sd) => counted && !error && send('engagement', counted, { e, sd }, 'engagement'))
    const resetErrors = errors((name) => footfall('error', { props: { name } }, 'errors'))
    clicks(footfall)

    /** Counts the page once it is visible: a hidden tab or a prerendered page waits. */
    const view = () => {
      counted = ''
      if ((document as Prerenderable).prerendering || document.hidden || isSilent()) return
      counted = location.href
      pageChange(true)
      resetErrors()
      footfall(error || 'pageview')
      replayQueue()
    }

    /** Counts a step within the page's own router. A changed query is not a new page: the collector drops the query. */
    const step = () => {
      if (address(location.href, hash) === address(counted, hash)) return
      pageChange(false)
      error = ''
      if (counted) referrer = location.origin
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
    // Chromium makes a prerendered page visible a moment before `document.prerendering` becomes false.
    listen('visibilitychange prerenderingchange', () => counted || view(), true)

    replayQueue()
    view()
    if (counted && !no.includes('vitals')) vitals((props) => send('vitals', landing, { props }))
  }

  return footfall as Footfall
}
