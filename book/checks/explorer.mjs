// What an explorer must do in a browser, on a page opened from disk: a slider moves the picture and changes the
// verdict, keys move a slider, a link brings back the state. Returns what is wrong, and how long a picture takes.
import { pathToFileURL } from "node:url";

const MOVES = 40;

// Waits until everything that follows a change is drawn, however long the machine takes.
const settled = (page) => page.waitForSelector('.explorer[aria-busy="false"]');

// Moves a slider to a part of its way, and waits for the next picture.
function move(page, name, to) {
  return page.evaluate(async (name, to) => {
    const slider = document.querySelector(`.explorer input[type=range][data-name=${name}]`);
    slider.value = to;
    const begin = performance.now();
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((resolve) => requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel(); // its message comes after the frame
      port1.onmessage = resolve;
      port2.postMessage(0);
    }));
    return performance.now() - begin;
  }, name, to);
}

const text = (page, selector) => page.$eval(selector, (found) => found.textContent);
// The drawing itself: on a screenshot the head of the page may lie above it.
const picture = (page) => page.$eval(".ex-plane svg", ({ outerHTML }) => outerHTML);

async function loaded(page, address) {
  await page.goto("about:blank"); // another hash alone would not load the page
  await page.goto(address, { waitUntil: "load" });
  await settled(page);
}

export async function problemsOfExplorer(page, path) {
  const problems = [], address = pathToFileURL(path).href;
  if (await page.$(".explorer[data-kind=kernel]")) return { problems: await problemsOfKernel(page, address) };
  const note = (error) => problems.push(`script fails: ${error.message}`);
  page.on("pageerror", note);
  await loaded(page, address);
  const before = await text(page, ".ex-verdict");
  await move(page, "V_muN_sq", 0);
  await settled(page);
  const after = await text(page, ".ex-verdict"), spoken = await text(page, ".ex-spoken");
  if (before === after) problems.push(`the verdict stays "${before}" whatever the mixing`);
  if (!spoken.startsWith(after)) problems.push(`what is read aloud is "${spoken}", not the verdict`);
  await page.focus(".explorer input[type=range][data-name=m_N]");
  const mass = () => page.$eval(".explorer input[type=text][data-name=m_N]", ({ value }) => Number(value));
  const [at] = [await mass(), await page.keyboard.press("ArrowRight"), await settled(page)];
  if (!((await mass()) > at)) problems.push("the key → does not raise the mass");
  let times = null;
  if (await page.$(".explorer[data-kind=full]")) {
    problems.push(...(await problemsOfPlane(page, address)));
    times = [];
    for (let i = 0; i < MOVES; i++) times.push(await move(page, "epsilon", 0.7 + 0.006 * i));
    times.sort((a, b) => a - b);
  }
  page.off("pageerror", note);
  return { problems, times };
}

async function problemsOfPlane(page, address) {
  const problems = [];
  const [first, words] = [await picture(page), await text(page, "#ex-summary")];
  await move(page, "epsilon", 0.6);
  await settled(page);
  const second = await picture(page), link = await page.$eval(".ex-save a", ({ href }) => href);
  if (first === second) problems.push("the plane stays the same whatever ε");
  if ((await text(page, "#ex-summary")) === words) problems.push("so does its description");
  const state = () => page.evaluate(() => JSON.stringify(window.darkExplorer.shown[0].state));
  const kept = await state();
  await loaded(page, address);
  if ((await state()) === kept) problems.push("a page without a link does not begin anew");
  await loaded(page, link);
  if ((await picture(page)) !== second) problems.push("the link does not bring back the picture");
  const points = () => page.$eval(".ex-plane svg", (svg) => svg.dataset.points), fine = await points();
  await page.$eval(".ex-plane", async (figure) => {
    figure.style.width = `${figure.clientWidth - 40}px`;
    const frame = () => new Promise(requestAnimationFrame); // the width is observed after one, and drawn by the next
    await frame().then(frame);
  });
  if ((await points()) !== fine) problems.push("in another width the plane is coarser");
  return problems;
}

// The explorer of bandwidths: its sliders change both pictures and the numbers.
async function problemsOfKernel(page, address) {
  const problems = [];
  await page.goto(address, { waitUntil: "load" });
  await settled(page);
  const look = () => page.$$eval(".k-pictures svg, .explorer dl", (parts) => parts.map((part) => part.innerHTML));
  for (const name of ["k-h", "k-parts"]) {
    const before = await look();
    await page.$eval(`#${name}`, (slider) => {
      slider.value = slider.min;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    });
    await settled(page);
    (await look()).forEach((part, i) => {
      if (!part || part === before[i]) problems.push(`part ${i + 1} of the explorer stays the same whatever ${name}`);
    });
  }
  return problems;
}
