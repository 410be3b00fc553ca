/** This browser's formatter: the one place that asks for its languages. */
import { englishOf, formatter } from './format'

export const format = formatter(englishOf(navigator.languages))
