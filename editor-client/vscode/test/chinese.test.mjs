// The extension in a Chinese VS Code.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause } from './waiting.mjs';
import { withEditor } from './with_editor.mjs';

const running = withEditor({
  files: { 'add.py': 'def add(a, b):\n    return a + b\n' },
  script: { rules: [] },
  locale: 'zh-cn',
  ready: '就绪',
});

test('the menu and the commands speak Chinese', async () => {
  const { editor } = running;
  await editor.file('add.py');
  await editor.menu();
  await editor.picture('chinese-menu');
  const labels = (await editor.picks().allInnerTexts()).join('\n');
  for (const label of ['按指令编辑…', '为什么没有建议？', '对 python 关闭', '选择模型…']) {
    assert.ok(labels.includes(label), `${label} in ${labels}`);
  }
  await editor.press('Escape');
});

test('the walkthrough speaks Chinese', async () => {
  const { editor } = running;
  await editor.command('Tabwright: 入门');
  await editor.page.getByText('Tabwright 入门').first().waitFor();
  await editor.page.getByText('使用灯泡').first().click();
  await pause(1500);
  await editor.picture('chinese-walkthrough');
  assert.ok(await editor.page.getByText('显示代码操作').first().isVisible());
});
