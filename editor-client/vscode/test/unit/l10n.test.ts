import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';

const json = (file: string): Record<string, unknown> =>
  JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
const placeholders = (text: string): string[] => (text.match(/\{\d\}/g) ?? []).sort();

/** Every text that the sources give to l10n.t. */
function messages(): Set<string> {
  const found = new Set<string>();
  for (const name of readdirSync('src')) {
    const source = ts.createSourceFile(name, readFileSync(path.join('src', name), 'utf8'), ts.ScriptTarget.ES2022);
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && /\bl10n\.t$/.test(node.expression.getText(source))) {
        const [first] = node.arguments;
        if (first !== undefined && ts.isStringLiteralLike(first)) {
          found.add(first.text);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

test('every message has a Chinese translation with the same placeholders', () => {
  const bundle = json('l10n/bundle.l10n.zh-cn.json') as Record<string, string>;
  const missing = [...messages()].filter((text) => bundle[text] === undefined);
  assert.deepEqual(missing, []);
  for (const [text, translated] of Object.entries(bundle)) {
    assert.deepEqual(placeholders(translated), placeholders(text), text);
    assert.match(translated, /\p{Script=Han}|^Python|^Tabwright/u, text);
  }
});

test('every text of package.json is in both languages, and none is left over', () => {
  const wanted = new Set([...readFileSync('package.json', 'utf8').matchAll(/"%([^%"]+)%"/g)].map((found) => found[1]));
  for (const file of ['package.nls.json', 'package.nls.zh-cn.json']) {
    assert.deepEqual(Object.keys(json(file)).sort(), [...wanted].sort(), file);
  }
});

test('the pages of the walkthrough are there in both languages', () => {
  for (const file of ['package.nls.json', 'package.nls.zh-cn.json']) {
    for (const [key, page] of Object.entries(json(file))) {
      if (key.endsWith('.media')) {
        assert.ok(existsSync(page as string), `${file}: ${String(page)}`);
        assert.ok(readFileSync(page as string, 'utf8').length > 100, `${String(page)} says something`);
      }
    }
  }
});
