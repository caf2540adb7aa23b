// Puts the parts together when the extension is activated, and takes them down at the end.

import * as vscode from 'vscode';
import { doctor } from './doctor';
import { Editing } from './edit';
import { explain } from './explain';
import { Installer } from './install_offer';
import { toggle, toggleLanguage } from './languages';
import { LateAnswers } from './late';
import { createLog } from './log';
import { showMenu } from './menu';
import { MissedTyping } from './missed';
import { chooseModel, pullModel } from './models';
import { Pages } from './pages';
import { Server } from './server';
import { isEnabled, isOn, SECTION, startValues } from './settings';
import { Snooze } from './snooze';
import { stateOf } from './state';
import { StatisticsPage } from './statistics';
import { StatusBar, type Shown } from './status';
import { translate } from './translate';
import { Watch } from './watch';
import { why } from './why';
import { Work } from './work';

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = createLog();
  const work = new Work();
  const snooze = new Snooze(context.globalState);
  const bar = new StatusBar();
  const pages = new Pages();
  const late = new LateAnswers();
  const wantsSuggestions = (): boolean => !snooze.isOn;
  const mine = (server = new Server(context, log, {
    late,
    contextOf: (given) => missed.contextOf(given),
    wantsSuggestions,
    begin: () => work.begin(),
    answered: (document, count, word) => {
      hiddenBy = word;
      missed.note(document);
      watch.touch();
      if (count > 0 && word === '') {
        void vscode.commands.executeCommand('setContext', 'tabwright.suggested', true);
      }
    },
  }));
  const watch = new Watch(mine, log);
  const missed: MissedTyping = new MissedTyping(mine, wantsSuggestions);
  const installer = new Installer(context, mine, log);
  const editing = new Editing(mine, pages);
  const statistics = new StatisticsPage(mine);
  let hiddenBy = '';

  const shown = (): Shown => {
    const languageId = vscode.window.activeTextEditor?.document.languageId;
    const state = stateOf({
      life: mine.life,
      status: watch.status,
      installing: installer.isRunning,
      on: languageId === undefined ? isEnabled() : isOn(languageId),
      snoozed: snooze.isOn,
      working: work.isLong,
    });
    const problem = mine.problem;
    return { state, status: watch.status, problem, snoozedUntil: snooze.until, languageId };
  };
  const refresh = (): void => bar.show(shown());
  let started = startValues();

  const commands: Record<string, (...args: never[]) => unknown> = {
    showMenu: () => showMenu(shown()),
    editWithInstruction: (instruction?: unknown) =>
      editing.begin(typeof instruction === 'string' ? instruction : undefined),
    applyPreview: () => editing.apply(),
    refinePreview: () => editing.refine(),
    discardPreview: () => editing.discard(),
    explainCode: () => explain(mine, pages),
    translateTo: () => translate(mine),
    whyNoSuggestion: () => why(mine, pages, shown(), hiddenBy),
    toggle: () => toggle(),
    toggleLanguage: () => toggleLanguage(),
    snooze: () => snooze.choose(),
    endSnooze: () => snooze.end(),
    chooseModel: () => chooseModel(mine, watch.status),
    pullModel: () => pullModel(mine),
    runDoctor: () => doctor(mine, pages),
    showStatistics: () => statistics.show(),
    forgetStatistics: () => statistics.forget(),
    toggleStatistics: () => statistics.toggle(),
    showLog: () => log.show(),
    installServer: () => installer.ask(),
    restartServer: () => mine.restart(),
    openSettings: () => vscode.commands.executeCommand('workbench.action.openSettings', SECTION),
    getStarted: () =>
      vscode.commands.executeCommand('workbench.action.openWalkthrough', `${context.extension.id}#start`),
  };
  for (const [name, command] of Object.entries(commands)) {
    const guarded = guard(command, log);
    context.subscriptions.push(vscode.commands.registerCommand(`tabwright.${name}`, guarded));
  }

  context.subscriptions.push(
    ...[log, work, snooze, bar, pages, late, mine, watch, missed, editing, statistics],
    ...[mine, work, snooze, watch, installer].map((each) => each.onDidChange(refresh)),
    vscode.window.onDidChangeActiveTextEditor(refresh),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void mine.trust()),
    // What was said of the workspace before does not hold for a folder that is new in it.
    vscode.workspace.onDidChangeWorkspaceFolders(
      () => void (vscode.workspace.isTrusted ? mine.trust() : mine.refreshSettings()),
    ),
    vscode.workspace.onDidChangeConfiguration(() => {
      refresh();
      const now = startValues();
      if (now !== started) {
        started = now;
        void mine.restart();
      }
    }),
  );
  refresh();
  void mine.start().then(() => {
    if (mine.life === 'missing') {
      void installer.offer();
    } else if (mine.isOutdated) {
      void installer.offerUpdate();
    }
  });
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

/** A command whose failure is a message and a line in the log. */
function guard(
  command: (...args: never[]) => unknown,
  log: vscode.LogOutputChannel,
): (...args: never[]) => Promise<unknown> {
  return async (...args) => {
    try {
      return await command(...args);
    } catch (error) {
      if (error instanceof vscode.CancellationError) {
        return undefined;
      }
      const message = error instanceof Error ? error.message : String(error);
      log.error(message);
      void vscode.window.showErrorMessage(`Tabwright: ${message}`);
      return undefined;
    }
  };
}
