/**
 * The fields of an event and the address of its page.
 */
import type { EventOptions } from './api'

/** The fields that pages may set, and those that only the tracker sets. */
export interface EventFields extends EventOptions {
  /** Milliseconds engaged since the last engagement event. */
  e?: number
  /** Deepest scroll, in percent of the page. */
  sd?: number
}

/** Longest address that is sent, in characters; the limit of the collector is 2 KiB. */
const URL_MAX = 2000

/** The address to send: without the fragment unless `hashed`, without the query unless `whole`. */
export const address = (href: string, hashed: unknown, whole?: unknown) =>
  href
    .replace(hashed ? '' : /#.*/, '')
    .replace(whole ? '' : /\?[^#]*/g, '')
    .slice(0, URL_MAX)
