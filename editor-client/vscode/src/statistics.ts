// The page of statistics: what became of suggestions, from the server's own counts on this machine.

import * as vscode from 'vscode';
import type { Figures, Statistics } from './answers';
import { barChart, color, html, lineChart } from './charts';
import type { Server } from './server';
import { SECTION } from './settings';

const DAYS = 30;

export class StatisticsPage implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;

  constructor(private readonly server: Server) {}

  async show(): Promise<void> {
    const report = await this.server.ask<Statistics>('tabwright.statistics', { days: DAYS });
    if (this.panel === undefined) {
      const title = vscode.l10n.t('Tabwright: Statistics');
      // No scripts: the page is text and pictures, and its links are commands of ours.
      const options = { enableCommandUris: COMMANDS.map((name) => `tabwright.${name}`) };
      this.panel = vscode.window.createWebviewPanel('tabwright.statistics', title, vscode.ViewColumn.Active, options);
      this.panel.onDidDispose(() => (this.panel = undefined));
    }
    this.panel.webview.html = page(report, this.panel.webview.cspSource);
    this.panel.reveal();
  }

  /** Delete all that was counted. */
  async forget(): Promise<void> {
    const done = await this.server.ask<{ ok: boolean; message: string }>('tabwright.deleteStatistics');
    if (!done.ok) {
      throw new Error(done.message);
    }
    await this.refresh();
  }

  /** Count from now on, or no more. */
  async toggle(): Promise<void> {
    const section = vscode.workspace.getConfiguration(SECTION);
    const on = section.get<boolean>('statistics.enabled', true);
    await section.update('statistics.enabled', !on, vscode.ConfigurationTarget.Global);
    await this.server.refreshSettings();
    await this.refresh();
  }

  dispose(): void {
    this.panel?.dispose();
  }

  private async refresh(): Promise<void> {
    if (this.panel !== undefined) {
      await this.show();
    }
  }
}

const COMMANDS = ['showStatistics', 'forgetStatistics', 'toggleStatistics'];

function page(report: Statistics, source: string): string {
  const { l10n } = vscode;
  const policy = `default-src 'none'; style-src ${source} 'unsafe-inline'`;
  const links = [
    link('showStatistics', l10n.t('Refresh')),
    link('forgetStatistics', l10n.t('Delete Them')),
    link('toggleStatistics', report.enabled ? l10n.t('Count No More') : l10n.t('Count Again')),
  ];
  const where = l10n.t('Counted on this machine alone, in {0}', report.file);
  return [
    '<!DOCTYPE html><html><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}"><style>${STYLE}</style></head><body>`,
    `<h1>${html(l10n.t('What became of suggestions'))}</h1>`,
    `<p>${html(where)}</p><p>${links.join(' ')}</p>`,
    ...body(report),
    '</body></html>',
  ].join('\n');
}

function body(report: Statistics): readonly string[] {
  const { l10n } = vscode;
  const { days = {}, languages = {}, total } = report;
  if (report.problem !== undefined) {
    return [`<p class="problem">${html(report.problem)}</p>`];
  }
  const dates = Object.keys(days);
  if (total === undefined || dates.length === 0) {
    const since = l10n.t('Nothing was counted since {0}.', report.since ?? '');
    return [`<p>${html(since)}</p>`];
  }
  const labels = dates.map((date) => date.slice(5));
  const of = (date: string): Figures => days[date] as Figures;
  const taken = (figures: Figures): number => figures.accepted + figures.partly;
  const bars = dates.map((date, index) => ({
    label: labels[index] ?? date,
    values: [of(date).shown, taken(of(date))],
  }));
  const lines = [
    { name: l10n.t('half of them within'), points: dates.map((date) => of(date).p50_ms) },
    { name: l10n.t('95 of 100 within'), points: dates.map((date) => of(date).p95_ms) },
  ];
  const shown = [l10n.t('shown'), l10n.t('accepted')];
  return [
    `<div class="tiles">${tiles(total).join('')}</div>`,
    `<h2>${html(l10n.t('Suggestions a day'))}</h2>${legend(shown)}${barChart(bars, l10n.t('Suggestions a day'))}`,
    `<h2>${html(l10n.t('Milliseconds to a suggestion'))}</h2>${legend(lines.map((line) => line.name))}`,
    lineChart(labels, lines, l10n.t('Milliseconds to a suggestion')),
    `<h2>${html(l10n.t('By language'))}</h2>${table(languages)}`,
  ];
}

function columns(): readonly (readonly [string, (figures: Figures) => string])[] {
  const { l10n } = vscode;
  const percent = (share: number | null): string => (share === null ? '–' : `${Math.round(share * 100)} %`);
  const ms = (value: number | null): string => (value === null ? '–' : `${value} ms`);
  return [
    [l10n.t('shown'), (figures) => String(figures.shown)],
    [l10n.t('accepted'), (figures) => percent(figures.accepted_share)],
    [l10n.t('kept after 30 s'), (figures) => percent(figures.kept_30s)],
    [l10n.t('kept after 5 min'), (figures) => percent(figures.kept_5min)],
    [l10n.t('characters saved'), (figures) => String(figures.characters)],
    [l10n.t('code actions'), (figures) => String(figures.actions)],
    [l10n.t('half of them within'), (figures) => ms(figures.p50_ms)],
    [l10n.t('95 of 100 within'), (figures) => ms(figures.p95_ms)],
  ];
}

function tiles(total: Figures): readonly string[] {
  return columns().map(([name, value]) => `<div><b>${html(value(total))}</b><span>${html(name)}</span></div>`);
}

function table(languages: Readonly<Record<string, Figures>>): string {
  const head = columns().map(([name]) => `<th>${html(name)}</th>`);
  const rows = Object.entries(languages).map(([language, figures]) => {
    const cells = columns().map(([, value]) => `<td>${html(value(figures))}</td>`);
    return `<tr><th>${html(language)}</th>${cells.join('')}</tr>`;
  });
  return `<table><tr><th></th>${head.join('')}</tr>${rows.join('')}</table>`;
}

function legend(names: readonly string[]): string {
  const items = names.map((name, series) => `<span style="color:${color(series)}">■</span> ${html(name)}`);
  return `<p class="legend">${items.join(' &nbsp; ')}</p>`;
}

function link(command: string, text: string): string {
  return `<a class="button" href="command:tabwright.${command}">${html(text)}</a>`;
}

const STYLE = `
body { color: var(--vscode-foreground); font-family: var(--vscode-font-family); max-width: 56em; padding: 0 1.5em 2em; }
h1 { font-size: 1.6em; } h2 { font-size: 1.15em; margin: 1.6em 0 .4em; }
svg { width: 100%; } svg text { fill: var(--vscode-descriptionForeground); font-size: 11px; }
.grid { stroke: var(--vscode-widget-border, #8884); stroke-width: 1; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: .6em; }
.tiles div { background: var(--vscode-textBlockQuote-background); border-radius: 6px; padding: .7em 1em; }
.tiles b { display: block; font-size: 1.5em; } .tiles span, .legend { color: var(--vscode-descriptionForeground); }
table { border-collapse: collapse; width: 100%; } td, th { padding: .3em .6em; text-align: right; font-weight: normal; }
tr th:first-child { text-align: left; } tr + tr { border-top: 1px solid var(--vscode-widget-border, #8884); }
.problem { color: var(--vscode-errorForeground); }
.button { color: var(--vscode-button-secondaryForeground); background: var(--vscode-button-secondaryBackground);
  border-radius: 4px; padding: .25em .8em; margin-right: .4em; text-decoration: none; white-space: nowrap; }
`;
