// Generated from dashboard/openapi.json by `npm run api -w dashboard/web`. Do not edit.

/** The answer of one question. */
export type Answer = {
  /** What the numbers do not say by themselves. */
  meta: Meta
  /** The question as it was understood. */
  query: UnderstoodQuestion
  /** In the order that was asked for, "(other)" last. */
  results: AnswerRow[]
}

/** The answer of one question, or why there is none. */
export type AnswerOrError = Answer | ApiError

/** One result. */
export type AnswerRow = {
  /** Nothing, or the label of the result. */
  dimensions: string[]
  /** In the order of the question. Null: withheld, because it would be about too few visitors. */
  metrics: (number | null)[]
}

/** The answers of many questions. */
export type Answers = {
  /** In the order of the questions. */
  answers: AnswerOrError[]
}

/** Why there is no answer. */
export type ApiError = {
  /** A sentence. */
  error: string
}

/** What results are broken down by */
export type Breakdown =
  | 'event:page'
  | 'event:name'
  | 'visit:source'
  | 'visit:channel'
  | 'visit:country'
  | 'visit:device'
  | 'visit:browser'
  | 'visit:os'
  | 'visit:entry_page'
  | 'time'
  | 'time:hour'
  | 'time:day'

/** A word, or the first and the last date */
export type DateRange = string | [string, string]

/** What else an answer contains. */
export type Include = {
  /** All hours or days of the range, with and without results. */
  time_labels?: boolean
  /** How many results there are before the answer is cut to `pagination`. */
  total_rows?: boolean
}

/** What the numbers of an answer do not say by themselves. */
export type Meta = {
  /** When the published numbers of open days were computed. Bare totals are newer. */
  as_of?: string
  /** By metric: results whose number is a lower bound. */
  at_least?: Partial<
    Record<
      'visitors' | 'visits' | 'pageviews' | 'events' | 'bounce_rate' | 'visit_duration' | 'views_per_visit',
      string[][]
    >
  >
  /** k: values of fewer visitors on a day are in "(other)". */
  crowd: number
  /** Days that are not settled yet, of which this token sees bare totals only. */
  open_days_left_out?: string[]
  /** By metric: results whose ratio is over those visits for which it is published. */
  partial?: Partial<
    Record<
      'visitors' | 'visits' | 'pageviews' | 'events' | 'bounce_rate' | 'visit_duration' | 'views_per_visit',
      string[][]
    >
  >
  /** Hours that were merged. */
  time_groups?: TimeGroup[]
  /** All hours or days of the range, with and without results. */
  time_labels?: string[]
  /** How many results there are before the answer is cut to `pagination`. */
  total_rows?: number
  /** Over several days: what visitors are. */
  visitors?: string
  /** By metric: results whose number is null, because it would be about too few visitors. */
  withheld?: Partial<
    Record<
      'visitors' | 'visits' | 'pageviews' | 'events' | 'bounce_rate' | 'visit_duration' | 'views_per_visit',
      string[][]
    >
  >
}

/** What is counted */
export type Metric =
  'visitors' | 'visits' | 'pageviews' | 'events' | 'bounce_rate' | 'visit_duration' | 'views_per_visit'

/** Which part of the results an answer contains. */
export type Pagination = {
  /** Most results. */
  limit?: number
  /** How many results are skipped. */
  offset?: number
}

/** One question. */
export type Question = {
  /** Which days, in the site's time zone. */
  date_range: DateRange
  /** What results are broken down by: nothing, or one dimension. */
  dimensions?: Breakdown[]
  /** Not served yet: leave it out, or send an empty list. */
  filters?: Record<string, unknown>[]
  /** What else the answer contains. */
  include?: Include
  /** What is counted, in the order of the answer. */
  metrics: Metric[]
  /**
   * Pairs of a metric or the dimension, and a direction. By default time rises, and other results fall by
   * the first metric.
   */
  order_by?: [string, 'asc' | 'desc'][]
  /** Which part of the results the answer contains. */
  pagination?: Pagination
  /** The site's domain, alias or number. */
  site_id: string
}

/** Several questions. */
export type Questions = {
  /** The questions, at most 32. */
  queries: Question[]
}

/** A site that a token sees. */
export type Site = {
  /** k: values of fewer visitors than this on a day are in "(other)". */
  crowd: number
  /** Its name. */
  domain: string
  /** Its number. */
  id: number
  /** Its IANA time zone. */
  time_zone: string
}

/** Neighbouring hours that were merged until they had k visitors. */
export type TimeGroup = {
  /** The labels of all its hours. */
  hours: string[]
  /** The label of the first hour, which is the label of the result. */
  time: string
}

/** A question as it was understood. */
export type UnderstoodQuestion = {
  /** The first and the last second of the range, in the site's time zone. */
  date_range: [string, string]
  /** `time` is replaced by `time:hour` or `time:day`. */
  dimensions: Breakdown[]
  /** Always empty. */
  filters: string[]
  /** What else the answer contains. */
  include: Include
  /** In the order of the answer. */
  metrics: Metric[]
  /** Pairs of a metric or the dimension, and a direction. */
  order_by: [string, 'asc' | 'desc'][]
  /** Which part of the results the answer contains. */
  pagination: Pagination
  /** The site's domain. */
  site_id: string
}

/** A dimension that results can be broken down by. */
export type View = {
  dimension: Breakdown
  /** The metrics that are served by it. */
  metrics: Metric[]
}
