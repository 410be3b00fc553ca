/**
 * What the page knows and how it comes to know it. In: a token's API, what the person picks. Out: totals, chart and
 * panels as they arrive. It knows nothing of how they look.
 */
import { readAddress, writeAddress } from './address'
import { type Answer, type Api, type Dimension, Failure, type Metric, type Site } from './api'
import { TOTALS } from './metric'
import { PANELS } from './panel'
import { chartStep, type Period } from './period'

/** How often today's totals are asked for again; sooner while the first page view is awaited. */
const REFRESH_MS = 30_000
const REFRESH_EMPTY_MS = 5_000
/** Chart and panels are asked for when the totals have changed, and after this time: the server tells them later. */
const REST_MS = 300_000

/** An answer on its way, here, or failed; while a new one is on its way the old one stays. */
export interface Pending {
  answer?: Answer | undefined
  failure?: Failure | undefined
  busy: boolean
}

const EMPTY: Pending = { busy: true }

export class Dashboard {
  sites = $state.raw<Site[]>([])
  site = $state.raw<Site>()
  period = $state<Period>('day')
  /** Nothing can be shown at all. */
  failure = $state.raw<Failure>()
  /** The numbers shown could not be refreshed. */
  stale = $state.raw<Failure>()
  totals = $state.raw<Pending>(EMPTY)
  chart = $state.raw<Pending>(EMPTY)
  panels = $state.raw<Pending[]>(PANELS.map(() => EMPTY))

  private running = new AbortController()
  private timer: ReturnType<typeof setTimeout> | undefined
  private restAt = 0

  constructor(private readonly api: Api) {}

  /** Nobody came in this period, as far as may be told. */
  get empty(): boolean {
    return this.totals.answer !== undefined && pageviews(this.totals.answer) === 0
  }

  /** Finds out what the token may see, and shows what the address bar says. */
  async start(): Promise<void> {
    const signal = this.begin()
    await this.guard(signal, async () => {
      this.sites = await this.api.sites(signal)
      if (this.sites.length === 0) throw new Failure('token', 'This token may see no site.')
      await this.show(signal)
    })
  }

  /** Shows what the address bar says: it has changed. */
  async follow(): Promise<void> {
    const signal = this.begin()
    await this.guard(signal, () => this.show(signal))
  }

  /** Shows another site or period, and says so in the address bar. */
  async pick(site: Site, period: Period): Promise<void> {
    history.pushState(null, '', writeAddress(location.search, site.domain, period))
    await this.follow()
  }

  /** Ends what is under way. */
  stop(): void {
    this.running.abort()
    clearTimeout(this.timer)
  }

  private begin(): AbortSignal {
    this.stop()
    this.failure = undefined
    this.stale = undefined
    this.running = new AbortController()
    return this.running.signal
  }

  private async show(signal: AbortSignal): Promise<void> {
    const address = readAddress(location.search)
    const name = address.site?.toLowerCase()
    const site = name ? this.sites.find(({ domain }) => domain.toLowerCase() === name) : this.sites[0]
    if (!site) throw new Failure('query', `This token may see no site called ${address.site}.`)
    if (site !== this.site) {
      this.totals = this.chart = EMPTY
      this.panels = PANELS.map(() => EMPTY)
    }
    this.site = site
    this.period = address.period ?? (await this.firstPeriod(site, signal))
    await Promise.all([this.loadTotals(signal), this.loadRest(signal)])
    this.schedule(signal)
  }

  /** Where nothing was picked: today, or the last weeks where there is nothing today yet. */
  private async firstPeriod(site: Site, signal: AbortSignal): Promise<Period> {
    for (const period of ['day', '28d'] as const) {
      const query = { site_id: site.domain, metrics: ['pageviews' as const], date_range: period }
      if (pageviews(await this.api.query(query, signal)) > 0) return period
    }
    return 'day'
  }

  private async loadTotals(signal: AbortSignal): Promise<void> {
    this.totals = { ...this.totals, busy: true }
    this.totals = await this.ask(signal, TOTALS)
  }

  private async loadRest(signal: AbortSignal): Promise<void> {
    this.restAt = Date.now()
    this.chart = { ...this.chart, busy: true }
    this.panels = this.panels.map((pending) => ({ ...pending, busy: true }))
    const chart = async () => {
      this.chart = await this.ask(signal, TOTALS, chartStep(this.period))
    }
    const panels = PANELS.map(async ({ metrics, dimension }, n) => {
      const pending = await this.ask(signal, metrics, dimension)
      this.panels = this.panels.with(n, pending)
    })
    await Promise.all([chart(), ...panels])
  }

  /** One query. It fails as a whole only where every other one would: without a token, or superseded. */
  private async ask(signal: AbortSignal, metrics: Metric[], dimension?: Dimension): Promise<Pending> {
    const query = {
      site_id: this.site?.domain ?? '',
      metrics,
      date_range: this.period,
      dimensions: dimension ? [dimension] : [],
      include: { time_labels: dimension?.startsWith('time:') ?? false },
    }
    try {
      const answer = await this.api.query(query, signal)
      signal.throwIfAborted()
      return { answer, busy: false }
    } catch (error) {
      if (!(error instanceof Failure) || error.cause === 'token') throw error
      return { failure: error, busy: false }
    }
  }

  private schedule(signal: AbortSignal): void {
    if (signal.aborted || this.period !== 'day') return
    this.timer = setTimeout(
      () => this.guard(signal, () => this.refresh(signal)),
      this.empty ? REFRESH_EMPTY_MS : REFRESH_MS,
    )
  }

  private async refresh(signal: AbortSignal): Promise<void> {
    if (document.visibilityState === 'visible') {
      const before = this.totals.answer
      const { answer, failure } = await this.ask(signal, TOTALS)
      this.stale = failure
      if (answer) {
        this.totals = { answer, busy: false }
        const changed = JSON.stringify(answer.results) !== JSON.stringify(before?.results)
        if (changed || Date.now() - this.restAt >= REST_MS) await this.loadRest(signal)
      }
    }
    this.schedule(signal)
  }

  /** Runs `work`; what stops it altogether is shown, unless someone has picked something else meanwhile. */
  private async guard(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof Failure)) throw error
      this.stop()
      this.failure = error
    }
  }
}

/** The page views of a totals answer asked with `TOTALS`, or with page views alone. */
function pageviews({ results }: Answer): number {
  const metrics = results[0]?.metrics ?? []
  return metrics[metrics.length === 1 ? 0 : TOTALS.indexOf('pageviews')] ?? 0
}
