/** The formatter for this browser: the only place that reads the browser's languages. */
import { englishOf, formatter } from './format'

export const format = formatter(englishOf(navigator.languages))
