/**
 * The tracker for bundlers: `import { init } from 'footfall-tracker'`. A server may import and call it too.
 */
import type { init as Init } from './api'
import { count } from './count'

export const init: typeof Init = (options = {}) =>
  typeof document === 'undefined'
    ? Object.assign(() => {}, { consent: () => {} })
    : count({ ...options, api: options.api || '/api/event' })
