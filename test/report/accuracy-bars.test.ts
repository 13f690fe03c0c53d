import test from 'ava';
import { createCanvas, loadImage } from '@napi-rs/canvas';
import { accuracyBars as barsInStyles } from '../../src/report/accuracy-bars.js';
import { renderPng, renderSvg } from '../../src/report/chart.js';
import { modelStyles, StyleBook } from '../../src/report/palette.js';
import type { RunSummary } from '../../src/evaluate/run-summary.js';
import { accuracy, exampleRun, exampleTask, paperTasks } from './example-run.js';

const accuracyBars = (runs: RunSummary[]) => barsInStyles(runs, new StyleBook(runs.map(({ model }) => model)));

const RIGHT = [60, 130, 78, 101, 110, 52, 75, 120];
const swat = exampleRun('swat:tiny', paperTasks(RIGHT));
const transformer = exampleRun('transformer:tiny', paperTasks(RIGHT));

/** Filled rectangles of a colour; one of them is the legend's. */
function rectangles(svg: string, color: string): number {
  return [...svg.matchAll(/<(?:rect|path)[^>]*fill="(#[0-9a-fA-F]+)"/g)].filter(
    ([, fill]) => fill!.toLowerCase() === color,
  ).length;
}

test('the figure has one bar a task and model, in the colours of the models', (t) => {
  const runs = [swat, transformer];
  const svg = renderSvg(accuracyBars(runs)!);
  const styles = modelStyles(runs.map(({ model }) => model));
  for (const { color } of styles) t.is(rectangles(svg, color), 8 + 1, color);
});

/** The light edge below the dashes, one stretch for each group: the dashes themselves are many small paths. */
const chanceStretches = (svg: string) => /stroke-width="1.8"[^>]* d="([^"]*)"/.exec(svg)?.[1]?.match(/m/g)?.length ?? 0;

test('chance is a line over each task where there is guessing', (t) => {
  t.is(chanceStretches(renderSvg(accuracyBars([swat])!)), 7, 'not over LAMBADA');
});

test('letters are paths, so that the figure needs no font', (t) => {
  const svg = renderSvg(accuracyBars([swat])!);
  t.false(/<text|font-family|<image/.test(svg));
  t.true(/^<\?xml[^>]*>\s*<svg [^>]*width="320"/.test(svg));
});

test('a label is in the name of the figure', (t) => {
  const svg = renderSvg(accuracyBars([exampleRun('swat:tiny', paperTasks(RIGHT, { label: 'fixtures' }))])!);
  t.true(/<title>[^<]*fixtures: scored on this project's own sentences/.test(svg));
});

test('a name with markup characters leaves the SVG well-formed', (t) => {
  const run = exampleRun('swat:tiny', paperTasks(RIGHT));
  const svg = renderSvg(accuracyBars([{ ...run, model: { ...run.model, label: 'a<b & "c"' } }])!);
  t.true(svg.includes('a&lt;b &amp; &quot;c&quot;'));
});

test('the PNG has 300 dots an inch and a white ground', async (t) => {
  const figure = accuracyBars([swat, transformer])!;
  const image = await loadImage(renderPng(figure));
  t.is(image.width, Math.floor((320 * 300) / 96));
  const context = createCanvas(image.width, image.height).getContext('2d');
  context.drawImage(image, 0, 0);
  t.deepEqual([...context.getImageData(2, 2, 1, 1).data], [255, 255, 255, 255]);
});

test('runs without an accuracy make no figure', (t) => {
  t.is(accuracyBars([exampleRun('swat:tiny', [exampleTask('wikitext', [])])]), null);
});

test('a run of recall alone takes no room among the bars', (t) => {
  const recall = exampleTask('mini_needle_64', [accuracy('acc', 50, 200)], {
    recall: { probe: 'needle', pairs: 4, distance: 64 },
  });
  const figure = accuracyBars([swat, exampleRun('gla:tiny', [recall])])!;
  t.notRegex(figure.title, /gla/);
});
