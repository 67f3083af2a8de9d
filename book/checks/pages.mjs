// Opens built pages from disk in headless Chromium, as a reader would, and reports what is wrong with them:
// violations that axe-core finds, in both themes; requests that leave the folder; pages wider than the screen;
// pages that are too heavy; explorers that do not answer. Prints one line a problem, and fails if there is one.
//
//     node pages.mjs FOLDER-WITH-node_modules CHROMIUM BUILT-HTML [PAGE ...]
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { problemsOfExplorer } from "./explorer.mjs";

const [modules, chromium, html, ...pages] = process.argv.slice(2);
const require = createRequire(join(modules, "package.json"));
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const HEAVIEST = 1.5e6; // bytes as a web server sends them: text compressed
const [WIDE, NARROW] = [1400, 390]; // px
const PATIENCE = 180_000; // ms, on a machine that does other things as well
// What the theme or MathJax, and no page of ours, does: rule, and what the elements match.
const THEIRS = [
  ["label-content-name-mismatch", ".search-button-field, .theme-switch-button, .toggle-button"],
  ["region", ".bd-sidebar-primary *"],
  ["empty-table-header", "th:has(mjx-assistive-mml)"], // its MathML is read aloud, but axe does not count it
];

const weights = new Map();
function weight(url) {
  const path = fileURLToPath(url.split(/[?#]/)[0]);
  if (!weights.has(path)) {
    if (!existsSync(path)) return 0;
    const text = /\.(html|css|js|svg|json|txt)$/.test(path);
    weights.set(path, text ? gzipSync(readFileSync(path)).length : statSync(path).size);
  }
  return weights.get(path);
}

async function open(page, path, theme, width) {
  await page.setViewport({ width, height: 900, deviceScaleFactor: 1 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
  await page.goto(pathToFileURL(path).href, { waitUntil: "load" });
  await page.addStyleTag({ content: "* { animation: none !important; transition: none !important; }" });
  await page.evaluate(() => window.MathJax?.startup?.promise);
  await page.waitForFunction(() => !document.querySelector('.explorer[data-kind]:not([aria-busy="false"])'));
}

// What makes a page wider than its screen; nothing, if it is not.
function wideParts(page) {
  return page.evaluate(() => {
    const screen = document.documentElement.clientWidth, own = document.documentElement.scrollWidth;
    if (own <= screen + 1) return [];
    const scrolls = (e) => e && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement.closest(".bd-article *")));
    const found = [...document.querySelectorAll(".bd-article *")]
      .filter((e) => e.getBoundingClientRect().right > screen + 1 && !scrolls(e.parentElement.closest(".bd-article *")));
    return [`on a screen of ${screen} px: ${own} px wide because of ${found[0]?.outerHTML.slice(0, 80)}`];
  });
}

async function problemsOf(page, path) {
  const problems = [], requests = new Set();
  const note = (request) => requests.add(request.url());
  page.on("request", note);
  await open(page, path, "light", WIDE);
  for (const url of requests) {
    if (!/^(file|data|blob|about):/.test(url)) problems.push(`requests ${url}`);
  }
  const total = [...requests].filter((url) => url.startsWith("file:")).reduce((sum, url) => sum + weight(url), 0);
  if (total > HEAVIEST) problems.push(`weighs ${(total / 1e6).toFixed(2)} MB, more than ${HEAVIEST / 1e6}`);
  problems.push(...(await wideParts(page)));
  for (const theme of ["light", "dark"]) {
    if (theme === "dark") await open(page, path, theme, WIDE);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
    for (const { id, help, nodes } of violations) {
      const ours = [];
      for (const node of nodes) {
        const selector = node.target.flat().at(-1);
        const theirs = await page.evaluate(
          (selector, matching) => matching.some((one) => document.querySelector(selector)?.matches(one)),
          selector, THEIRS.filter(([rule]) => rule === id).map(([, elements]) => elements),
        );
        if (!theirs) ours.push(`${selector} ${node.failureSummary.split("\n").at(-1).trim()}`);
      }
      if (ours.length) problems.push(`${theme}: ${id} (${help}), ${ours.length} times, such as ${ours.slice(0, 3).join("; ")}`);
    }
  }
  await open(page, path, "light", NARROW);
  problems.push(...(await wideParts(page)));
  page.off("request", note);
  return [problems, total];
}

const browser = await puppeteer.launch({
  executablePath: chromium,
  protocolTimeout: PATIENCE,
  args: ["--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--disable-dev-shm-usage"],
});
const page = await browser.newPage();
page.setDefaultTimeout(PATIENCE);
let failed = 0;
for (const path of pages) {
  const [problems, total] = await problemsOf(page, path);
  const name = relative(html, path), explorer = (await page.$(".explorer[data-kind]")) && (await problemsOfExplorer(page, path));
  problems.push(...(explorer?.problems ?? []));
  if (explorer?.times) {
    const [median, ninetieth] = [0.5, 0.9].map((part) => explorer.times[Math.floor(part * explorer.times.length)].toFixed(0));
    console.log(`${name}: from slider to picture ${median} ms in the median, ${ninetieth} ms at the 90th percentile`);
  }
  console.log(`${name}: ${(total / 1e6).toFixed(2)} MB, ${problems.length || "no"} problems`);
  for (const problem of problems) console.log(`  ${problem}`);
  failed += problems.length;
}
await browser.close();
process.exit(failed ? 1 : 0);
