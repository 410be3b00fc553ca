/**
 * The script for pages. In: its own tag. Out: what `count` does with the tag's attributes; the README explains them.
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
    // A template may well print `false` here, and that is no consent.
    consent: dataset.consent === 'true',
    hash: 'hash' in dataset,
    off: 'off' in dataset,
  })
}
