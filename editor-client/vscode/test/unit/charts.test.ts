import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barChart, html, lineChart, roundUp } from '../../src/charts';

test('scales end at a round number', () => {
  assert.deepEqual([0, 1, 3, 7, 11, 99, 100, 501].map(roundUp), [1, 1, 5, 10, 20, 100, 100, 1000]);
});

test('a bar is as high as its value, the second series inside the first', () => {
  const drawn = barChart([{ label: 'a<b', values: [10, 5] }], 'days');
  const heights = [...drawn.matchAll(/<rect [^>]*height="([\d.]+)"/g)].map((found) => Number(found[1]));
  assert.equal(heights.length, 2);
  assert.equal(heights[0], 2 * (heights[1] ?? 0));
  assert.ok(drawn.includes('a&lt;b') && !drawn.includes('a<b'));
});

test('a gap breaks a line, and charts without data are drawn', () => {
  const drawn = lineChart(['1', '2', '3'], [{ name: 'p50', points: [1, null, 2] }], 'ms');
  assert.equal(drawn.match(/<circle/g)?.length, 2);
  assert.equal(/d="([^"]*)"/.exec(drawn)?.[1]?.match(/M/g)?.length, 2);
  assert.ok(!lineChart([], [], '').includes('NaN') && !barChart([], '').includes('NaN'));
});

test('texts are safe inside HTML', () => {
  assert.equal(html('<a href="x">&'), '&lt;a href=&quot;x&quot;&gt;&amp;');
});
