/** How numbers, durations and dates are written. Pure: the locale comes in. */

/** The first English locale that the browser asks for: the page is in English, so its numbers are too. */
export function englishOf(languages: readonly string[]): string {
  return languages.find((language) => /^en\b/i.test(language)) ?? 'en-GB'
}

const SHORTENED_FROM = 1_000_000

export function formatter(locale: string) {
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 })
  const short = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 })
  const one = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 })
  // Dates are local dates of the site. Parsed and written as UTC, they do not change in the reader's zone.
  const day = new Intl.DateTimeFormat(locale, { timeZone: 'UTC', weekday: 'short', day: 'numeric', month: 'short' })
  const shortDay = new Intl.DateTimeFormat(locale, { timeZone: 'UTC', day: 'numeric', month: 'short' })
  const dayAndYear = new Intl.DateTimeFormat(locale, {
    timeZone: 'UTC',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
  })
  const utc = (date: string) => new Date(`${date.slice(0, 10)}T00:00:00Z`)

  return {
    count: (n: number) => whole.format(n),
    /** A count in at most 7 characters. */
    short: (n: number) => (Math.abs(n) < SHORTENED_FROM ? whole.format(n) : short.format(n)),
    decimal: (n: number) => one.format(n),
    percent: (n: number) => `${whole.format(n)}%`,
    duration: (seconds: number) => {
      const total = Math.round(seconds)
      const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60]
      const two = (n: number) => String(n).padStart(2, '0')
      if (h > 0) return `${h}h ${two(m)}m`
      return m > 0 ? `${m}m ${two(s)}s` : `${s}s`
    },
    /** The begin of the first hour; and the end of the last, if that is another hour. */
    hours: (first: string, last: string) => {
      const end = `${String(Number(last.slice(11, 13)) + 1).padStart(2, '0')}:00`
      return first === last ? first.slice(11, 16) : `${first.slice(11, 16)}–${end}`
    },
    shortDay: (date: string) => shortDay.format(utc(date)),
    day: (date: string) => day.format(utc(date)),
    days: (first: string, last: string) => dayAndYear.formatRange(utc(first), utc(last)),
  }
}

export type Formatter = ReturnType<typeof formatter>
