/**
 * What people do with a page. In: clicks and submitted forms. Out: links to other hosts, downloads, forms, and the
 * elements that the page itself has named. Never what was typed, nor the path of another site.
 */
import type { Feature } from './api'
import type { Carried } from './hit'
import { listen } from './listen'

const DOWNLOAD = /\.(pdf|(doc|xls|ppt)x?|od[tsp]|csv|zip|rar|7z|gz|exe|dmg|apk|epub|txt|mp[34]|wav|mov)$/i

/** A click or a submit, as far as it is read. */
interface Act {
  type: string
  target: Element
  button?: number
}
type Tell = (name: string, carried: Carried, feature?: Feature) => void

/** `tell` is told what happened and the switch it goes by; what the page has named has none. */
export const clicks = (tell: Tell) => {
  const acted = ({ type, target, button }: Act) => {
    // Buttons beyond the middle one open no link; an event may also be sent to the document itself.
    if (button! > 1 || !target.closest) return
    const isForm = type === 'submit'

    const tagged = target.closest<HTMLElement>('[data-footfall-event]')
    // A form is named by its tag when it is sent, not whenever something in it is clicked.
    if (tagged?.matches('form') === isForm) {
      const props: Record<string, string> = {}
      for (const { name, value } of tagged!.attributes) {
        const [, prop] = name.split('data-footfall-prop-')
        if (prop) props[prop] = value
      }
      tell(tagged!.dataset.footfallEvent!, { props })
    }

    if (isForm) {
      // Not `form.id`: a field of that name would stand in its place.
      const { id, name } = target.attributes as unknown as Record<string, Attr | undefined>
      tell('Form: Submission', { props: { name: (id || name)?.value! } }, 'forms')
    } else {
      const link = target.closest<HTMLAnchorElement>('[href]')
      if (/^http/.test(link?.protocol!)) {
        const { origin, pathname, host } = link!
        if (DOWNLOAD.test(pathname)) tell('File Download', { props: { url: origin + pathname } }, 'downloads')
        else if (host !== location.host) tell('Outbound Link: Click', { props: { url: origin } }, 'outbound')
      }
    }
  }
  // Caught on the way down: a page may stop them on the way up.
  listen('click auxclick submit', acted as unknown as (event: Event) => void, true)
}
