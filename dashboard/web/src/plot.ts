/** How the chart is drawn: as bars, or as a line with its area. Colours are in the style sheet. */
import uPlot from 'uplot'

interface Plotted {
  /** How many hours or days. */
  times: number
  labelOf: (n: number) => string
  write: (value: number) => string
  /** Called with the index of the hour or day under the pointer; null: none. */
  point: (n: number | null) => void
}

const HEIGHT_PX = 240
/** With more bars than this, the chart is a line. */
const BARS_MAX = 100
const LABEL_WIDTH_PX = 80
const FONT = '12px system-ui, sans-serif'

export function plotOptions(element: HTMLElement, { times, labelOf, write, point }: Plotted): uPlot.Options {
  const colour = (name: string) => () => getComputedStyle(element).getPropertyValue(name)
  const axis = { stroke: colour('--quiet'), font: FONT, ticks: { show: false } }
  const bars = times <= BARS_MAX

  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    padding: [12, 24, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: !bars }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: [-0.5, times - 0.5] },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.05 : 1] },
    },
    axes: [
      {
        ...axis,
        size: 28,
        grid: { show: false },
        splits: (plot) => labelled(times, Math.floor(plot.bbox.width / devicePixelRatio / LABEL_WIDTH_PX)),
        values: (_, splits) => splits.map(labelOf),
      },
      {
        ...axis,
        grid: { stroke: colour('--line'), width: 1 },
        incrs: [1, 2, 5]
          .flatMap((n) => [n, n * 10, n * 100, n * 1e3, n * 1e4, n * 1e5, n * 1e6, n * 1e7])
          .sort((a, b) => a - b),
        values: (_, splits) => splits.map(write),
        size: (_, labels) => 16 + 7 * Math.max(1, ...(labels ?? []).map((label) => label.length)),
      },
    ],
    series: [
      {},
      {
        stroke: colour('--accent'),
        fill: colour(bars ? '--accent' : '--accent-faint'),
        width: bars ? 0 : 2,
        points: { show: false },
        ...(bars && uPlot.paths.bars ? { paths: uPlot.paths.bars({ size: [0.75, 40], radius: 0.08 }) } : {}),
      },
    ],
    hooks: { setCursor: [(plot) => point(plot.cursor.idx ?? null)] },
  }
}

/** The indexes of the times that get a label, at most `max`: every nth, from the first. */
export function labelled(times: number, max: number): number[] {
  const step = Math.max(1, Math.ceil(times / Math.max(1, max)))
  return Array.from({ length: Math.ceil(times / step) }, (_, n) => n * step)
}
