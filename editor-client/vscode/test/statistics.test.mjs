// The page of statistics: counts of this editor, in plots; deleted by one click.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause, until } from './waiting.mjs';
import { withEditor } from './with_editor.mjs';

const WHOLE = 'def add(a, b):\n    return a + b\n';
const running = withEditor({
  files: { 'add.py': 'def add(a, b):\n    \n' },
  script: { rules: [{ match: 'add', document: WHOLE }] },
});

test('what was accepted is counted and plotted, and one click deletes it', async () => {
  const { editor } = running;
  await editor.file('add.py');
  await editor.goTo(2, 5);
  await editor.type('ret');
  await editor.ghostHas('urn a + b');
  await editor.press('Tab');
  await pause(1000);
  await editor.command('Tabwright: Show Statistics');
  const page = await until('the page has its plots', async () => {
    const frames = editor.page.frames();
    for (const frame of frames) {
      if ((await frame.locator('svg rect').count().catch(() => 0)) > 0) {
        return frame;
      }
    }
    return null;
  });
  await editor.picture('statistics');
  assert.match(await page.locator('.tiles').innerText(), /characters saved/);
  assert.match(await page.locator('table').innerText(), /python/);
  await page.locator('a', { hasText: 'Delete Them' }).click();
  await until('nothing is counted', async () => {
    const texts = await Promise.all(editor.page.frames().map((frame) => frame.locator('body').innerText().catch(() => '')));
    return texts.some((text) => text.includes('Nothing was counted since'));
  });
});
