/**
 * Clicks and submitted forms. Input: DOM events. Output: events for links to other hosts, for downloads, for forms, and
 * for elements that the page has tagged. Text that was typed and the path on another site are never reported.
 */
import type { Feature } from './api'
import type { EventFields } from './hit'
import { listen } from './listen'

const DOWNLOAD = /\.(pdf|(doc|xls|ppt)x?|od[tsp]|csv|zip|rar|7z|gz|exe|dmg|apk|epub|txt|mp[34]|wav|mov)$/i

/** The used fields of a click or a submit. */
interface Action {
  type: string
  target: Element
  button?: number
}
type Report = (name: string, fields: EventFields, feature?: Feature) => void

/** Calls `report` for each event, with the feature that switches it off. Events of tagged elements have no feature. */
export const clicks = (report: Report) => {
  const onAction = ({ type, target, button }: Action) => {
    // Only the left and the middle button open links. If the target is the document, it has no `closest`.
    if (button! > 1 || !target.closest) return
    const isForm = type === 'submit'

    const tagged = target.closest<HTMLElement>('[data-footfall-event]')
    // A tagged form is reported when it is submitted, not when an element inside it is clicked.
    if (tagged?.matches('form') === isForm) {
      const props: Record<string, string> = {}
      for (const { name, value } of tagged!.attributes) {
        const [, prop] = name.split('data-footfall-prop-')
        if (prop) props[prop] = value
      }
      report(tagged!.dataset.footfallEvent!, { props })
    }

    if (isForm) {
      // Not `form.id`: if the form has a field of that name, `form.id` is the field.
      const { id, name } = target.attributes as unknown as Record<string, Attr | undefined>
      report('Form: Submission', { props: { name: (id || name)?.value! } }, 'forms')
    } else {
      const link = target.closest<HTMLAnchorElement>('[href]')
      if (/^http/.test(link?.protocol!)) {
        const { origin, pathname, host } = link!
        if (DOWNLOAD.test(pathname)) report('File Download', { props: { url: origin + pathname } }, 'downloads')
        else if (host !== location.host) report('Outbound Link: Click', { props: { url: origin } }, 'outbound')
      }
    }
  }
  // Listens in the capture phase, because a page can stop events in the bubble phase.
  listen('click auxclick submit', onAction as unknown as (event: Event) => void, true)
}
