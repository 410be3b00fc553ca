/**
 * What an event may carry, and how it names its page.
 */
import type { EventOptions } from './api'

/** What pages may say, and what only the tracker does. */
export interface Carried extends EventOptions {
  /** Milliseconds engaged since the last engagement event. */
  e?: number
  /** Deepest scroll, in percent of the page. */
  sd?: number
}

/** Characters of the address that are sent; the collector takes 2 KiB. */
const URL_MAX = 2000

/** An address as it is sent: without its fragment unless the page is `hashed`, without any query unless `whole`. */
export const address = (href: string, hashed: unknown, whole?: unknown) =>
  href
    .replace(hashed ? '' : /#.*/, '')
    .replace(whole ? '' : /\?[^#]*/g, '')
    .slice(0, URL_MAX)
