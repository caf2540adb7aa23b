// The menu of the status bar item: what can be done now, the likeliest first.

import * as vscode from 'vscode';
import { isEnabled, isOn } from './settings';
import { sentence, type Shown } from './status';

interface Item extends vscode.QuickPickItem {
  readonly command?: string;
}

export async function showMenu(shown: Shown): Promise<void> {
  const title = `Tabwright: ${sentence(shown)}`;
  const chosen = await vscode.window.showQuickPick(items(shown), { title });
  if (chosen?.command !== undefined) {
    await vscode.commands.executeCommand(chosen.command);
  }
}

function items(shown: Shown): Item[] {
  const { l10n } = vscode;
  const running = shown.status !== null;
  const found: Item[] = [];
  const add = (icon: string, label: string, command: string, description?: string): void => {
    const shownBeside = description === undefined ? {} : { description };
    found.push({ label: `$(${icon}) ${label}`, command, ...shownBeside });
  };
  const separator = (): void => {
    if (found.length > 0) {
      found.push({ label: '', kind: vscode.QuickPickItemKind.Separator });
    }
  };
  // 1. What is in the way of any suggestion.
  if (shown.state === 'missing') {
    add('cloud-download', l10n.t('Install the Server…'), 'tabwright.installServer');
  }
  if (shown.state === 'no model') {
    add('cloud-download', l10n.t('Pull the Model'), 'tabwright.pullModel', shown.status?.model);
  }
  if (shown.state === 'error') {
    add('refresh', l10n.t('Restart the Server'), 'tabwright.restartServer');
  }
  // 2. What is done with the code at hand.
  if (running && shown.languageId !== undefined) {
    separator();
    add('sparkle', l10n.t('Edit with Instruction…'), 'tabwright.editWithInstruction');
    add('comment', l10n.t('Explain'), 'tabwright.explainCode');
    add('arrow-swap', l10n.t('Translate to…'), 'tabwright.translateTo');
    add('question', l10n.t('Why No Suggestion?'), 'tabwright.whyNoSuggestion');
  }
  // 3. On and off.
  separator();
  if (shown.languageId !== undefined) {
    const on = isOn(shown.languageId);
    const label = on
      ? l10n.t('Turn Off for {0}', shown.languageId)
      : l10n.t('Turn On for {0}', shown.languageId);
    add(on ? 'circle-slash' : 'check', label, 'tabwright.toggleLanguage');
  }
  const on = isEnabled();
  add(
    on ? 'circle-slash' : 'check',
    on ? l10n.t('Turn Off Everywhere') : l10n.t('Turn On'),
    'tabwright.toggle',
  );
  if (shown.snoozedUntil > 0) {
    add('bell', l10n.t('End Snooze'), 'tabwright.endSnooze');
  } else {
    add('bell-slash', l10n.t('Snooze…'), 'tabwright.snooze');
  }
  // 4. What is behind it.
  separator();
  if (running) {
    add('server', l10n.t('Choose Model…'), 'tabwright.chooseModel', shown.status?.model);
  }
  if (running) {
    add('graph', l10n.t('Statistics'), 'tabwright.showStatistics');
  }
  add('pulse', l10n.t('Doctor: Check This Machine'), 'tabwright.runDoctor');
  add('output', l10n.t('Show Log'), 'tabwright.showLog');
  add('gear', l10n.t('Settings'), 'tabwright.openSettings');
  add('book', l10n.t('Get Started'), 'tabwright.getStarted');
  return found;
}
