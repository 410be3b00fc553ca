/**
 * The public types of the tracker: the build copies this file to `dist/footfall.d.ts`.
 */

/** The kinds of events that the tracker sends by itself besides page views. Each can be switched off. */
export type Feature = 'outbound' | 'downloads' | 'forms' | 'engagement' | 'errors' | 'vitals'

/** The options of {@link init}; the script tag has the same ones as `data-` attributes. */
export interface Options {
  /** The site's name in Footfall; default: the page's host name. */
  domain?: string | undefined
  /** The URL for events. Default: `/api/event` on the page's own origin; with a script tag, next to the script. */
  api?: string | URL | undefined
  /** The fragment is part of the page (`/#/about`), and a change of the fragment is a page view. */
  hash?: boolean
  /** Send nothing. */
  off?: boolean
  /** This page is an error page: an event with this name is sent instead of its page view. */
  error?: '404' | (string & {}) | undefined
  /** Consent to marketing measures was given before this page. */
  consent?: boolean
  /** The kinds of events to switch off. */
  no?: readonly Feature[] | string | undefined
}

/** A product of an order. */
export interface Item {
  id?: string | number
  name?: string
  category?: string
  /** Per unit, in the currency of the order. */
  price?: number | string
  quantity?: number
}

/** The optional fields of an event. */
export interface EventOptions {
  /** At most 64 are sent. */
  props?: Record<string, string | number | boolean>
  /** `false`: the event does not end a bounce. */
  interactive?: boolean
  /** The total of the order. `revenue`, `items` and `order` are sent only with consent. */
  revenue?: { /** ISO 4217 */ currency: string; /** A number, or decimal text */ amount: number | string }
  /** At most 16 are sent. */
  items?: readonly Item[]
  /** The shop's order number, so that the same order counts once. */
  order?: string | number
}

/** Sends an event. A `purchase` waits for consent; without consent it is dropped when the page is left. */
export interface Footfall {
  (name: string, options?: EventOptions): void
  /** The same as {@link Footfall.consent}, for a stub that queues calls until the script has loaded. */
  (name: 'consent', given: boolean): void
  /** Gives or withdraws consent to marketing measures. Valid for this page only, never stored. */
  consent(given: boolean): void
}

/** Starts counting this page. A second call returns the first result. Without a document, `init` does nothing. */
export declare function init(options?: Options): Footfall

declare global {
  interface Window {
    footfall?: Footfall
  }
}
