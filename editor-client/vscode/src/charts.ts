// Small charts as SVG in the colours of the editor; pure, so that they are tested without one.

export interface Bar {
  readonly label: string;
  /** Values of the series, drawn one inside the other, the largest first. */
  readonly values: readonly number[];
}

export interface Line {
  readonly name: string;
  readonly points: readonly (number | null)[];
}

const WIDTH = 640;
const HEIGHT = 180;
const LEFT = 44;
const BOTTOM = 22;
const TOP = 10;
const COLORS = ['--vscode-charts-blue', '--vscode-charts-green', '--vscode-charts-orange'];

/** A text that is safe inside HTML. */
export function html(text: string): string {
  const signs: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (sign) => signs[sign] ?? sign);
}

/** The least of 1, 2, 5, 10, 20, 50, … that is not below a value. */
export function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}

/** Bars for each label, each series in its colour. */
export function barChart(bars: readonly Bar[], title: string): string {
  const most = roundUp(Math.max(1, ...bars.flatMap((bar) => bar.values)));
  const step = (WIDTH - LEFT) / Math.max(bars.length, 1);
  const drawn = bars.flatMap((bar, index) => {
    const width = Math.min(step * 0.7, 48);
    const x = LEFT + step * (index + 0.5) - width / 2;
    return bar.values.map((value, series) => {
      const height = scaled(value, most);
      const box = `x="${n(x)}" y="${n(HEIGHT - BOTTOM - height)}" width="${n(width)}" height="${n(height)}"`;
      return `<rect ${box} fill="${color(series)}"><title>${html(bar.label)}: ${value}</title></rect>`;
    });
  });
  return chart(title, most, bars.map((bar) => bar.label), drawn);
}

/** Lines over labels; a point that is null leaves a gap. */
export function lineChart(labels: readonly string[], lines: readonly Line[], title: string): string {
  const most = roundUp(Math.max(1, ...lines.flatMap((line) => line.points.map((point) => point ?? 0))));
  const step = (WIDTH - LEFT) / Math.max(labels.length, 1);
  const drawn = lines.flatMap((line, series) => {
    const places = line.points.map((point, index) =>
      point === null ? null : ([LEFT + step * (index + 0.5), HEIGHT - BOTTOM - scaled(point, most)] as const),
    );
    const path = places
      .map((at, index) => (at === null ? '' : `${index > 0 && places[index - 1] ? 'L' : 'M'}${n(at[0])} ${n(at[1])}`))
      .join('');
    const dots = places.map((at, index) =>
      at === null
        ? ''
        : `<circle cx="${n(at[0])}" cy="${n(at[1])}" r="3" fill="${color(series)}"><title>${html(line.name)}, ${html(labels[index] ?? '')}: ${line.points[index]}</title></circle>`,
    );
    return [`<path d="${path}" fill="none" stroke="${color(series)}" stroke-width="2"/>`, ...dots];
  });
  return chart(title, most, labels, drawn);
}

/** The colour of a series, to be used in a legend too. */
export function color(series: number): string {
  return `var(${COLORS[series % COLORS.length]})`;
}

function chart(title: string, most: number, labels: readonly string[], drawn: readonly string[]): string {
  const step = (WIDTH - LEFT) / Math.max(labels.length, 1);
  const every = Math.max(1, Math.ceil(labels.length / 10));
  const ticks = [0, 0.5, 1].map((share) => {
    const y = HEIGHT - BOTTOM - scaled(share * most, most);
    const line = `<line x1="${LEFT}" x2="${WIDTH}" y1="${n(y)}" y2="${n(y)}" class="grid"/>`;
    return `${line}<text x="${LEFT - 6}" y="${n(y + 4)}" text-anchor="end">${share * most}</text>`;
  });
  const names = labels.map((label, index) => {
    const x = LEFT + step * (index + 0.5);
    return index % every === 0 ? `<text x="${n(x)}" y="${HEIGHT - 6}" text-anchor="middle">${html(label)}</text>` : '';
  });
  const open = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${html(title)}">`;
  return [open, ...ticks, ...drawn, ...names, '</svg>'].join('');
}

function scaled(value: number, most: number): number {
  return (value / most) * (HEIGHT - BOTTOM - TOP);
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}
