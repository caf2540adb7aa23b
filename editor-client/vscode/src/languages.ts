// Switches suggestions on and off, everywhere or for one language, in the server's own settings.

import * as vscode from 'vscode';
import { isEnabled, isOn, SECTION } from './settings';

/** Write where the value now comes from, so that the change has an effect. */
function targetOf(key: string): vscode.ConfigurationTarget {
  const found = vscode.workspace.getConfiguration(SECTION).inspect(key);
  return found?.workspaceValue === undefined
    ? vscode.ConfigurationTarget.Global
    : vscode.ConfigurationTarget.Workspace;
}

export async function toggle(): Promise<void> {
  const section = vscode.workspace.getConfiguration(SECTION);
  await section.update('enabled', !isEnabled(), targetOf('enabled'));
}

/** Switch a language, by default that of the active editor; switches all on where all is off. */
export async function toggleLanguage(
  languageId: string | undefined = vscode.window.activeTextEditor?.document.languageId,
): Promise<void> {
  if (languageId === undefined) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t('Tabwright: open a file of the language first.'),
    );
    return;
  }
  const section = vscode.workspace.getConfiguration(SECTION);
  const target = targetOf('languages');
  const found = section.inspect<Record<string, boolean>>('languages');
  const wanted = !isOn(languageId);
  const value =
    target === vscode.ConfigurationTarget.Workspace ? found?.workspaceValue : found?.globalValue;
  await section.update('languages', { ...value, [languageId]: wanted }, target);
  if (wanted && !isEnabled()) {
    await section.update('enabled', true, targetOf('enabled'));
  }
}
