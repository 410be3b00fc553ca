/**
 * What pages and bundlers see of the tracker: `dist/footfall.d.ts` is this file.
 */

/** What is sent beside page views, each with its own switch. */
export type Feature = 'outbound' | 'downloads' | 'forms' | 'engagement' | 'errors' | 'vitals'

/** The options of {@link init}; the script tag has the same ones as `data-` attributes. */
export interface Options {
  /** The site's name in Footfall; default: the page's host name. */
  domain?: string | undefined
  /** Where events go; default: `/api/event` on the page's own origin (script tag: `api/event` beside the script). */
  api?: string | URL | undefined
  /** The fragment is part of the page (`/#/about`), and a change of it is a page view. */
  hash?: boolean
  /** Send nothing. */
  off?: boolean
  /** This page is an error page: this name is sent in place of its page view. */
  error?: '404' | (string & {}) | undefined
  /** Consent to marketing measures was given before this page. */
  consent?: boolean
  /** What this site does not want. */
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

/** What an event may carry. */
export interface EventOptions {
  /** At most 64 are sent. */
  props?: Record<string, string | number | boolean>
  /** `false`: does not show that someone stayed. */
  interactive?: boolean
  /** What the order came to. Like `items` and `order` it is sent only where there is consent. */
  revenue?: { /** ISO 4217 */ currency: string; /** A number, or decimal text */ amount: number | string }
  /** At most 16 are sent. */
  items?: readonly Item[]
  /** The shop's number of the order, so that the same order counts once. */
  order?: string | number
}

/** Sends an event. A `purchase` waits on its page for consent, and is forgotten with it. */
export interface Footfall {
  (name: string, options?: EventOptions): void
  /** The same as {@link Footfall.consent}, for a stub that keeps calls until the script is there. */
  (name: 'consent', given: boolean): void
  /** Consent to marketing measures is given, or is not (any more). Known to this page only, never stored. */
  consent(given: boolean): void
}

/** Starts counting this page; a second call returns what the first one did. Does nothing where there is no document. */
export declare function init(options?: Options): Footfall

declare global {
  interface Window {
    footfall?: Footfall
  }
}
