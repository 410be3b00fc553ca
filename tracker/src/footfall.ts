/**
 * The script for pages. Input: the attributes of its own tag (the README explains them). Output: a call of `count`.
 *
 *     <script defer src="https://stats.example.org/footfall.js" data-domain="example.org"></script>
 */
import { count } from './count'

const script = document.currentScript as HTMLScriptElement | null

if (script) {
  const { src, dataset } = script
  count({
    ...dataset,
    api: dataset.api || new URL('api/event', src),
    // A template may print `false` here, which is not consent.
    consent: dataset.consent === 'true',
    hash: 'hash' in dataset,
    off: 'off' in dataset,
  })
}
