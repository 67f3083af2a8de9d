// The label of a folded cell is what stands on it, also for those who hear the page; arrows in the list of pages get one.
document.addEventListener("DOMContentLoaded", () => {
  for (const summary of document.querySelectorAll("details.hide > summary")) summary.removeAttribute("aria-label");
  for (const summary of document.querySelectorAll(".bd-sidebar-primary details > summary")) {
    const page = summary.closest("li")?.querySelector("a")?.textContent.trim();
    if (page) summary.setAttribute("aria-label", `Pages of ${page}`);
  }
  // Sphinx gives entries of a bibliography a role that is deprecated, in a list of which they are no items.
  for (const entry of document.querySelectorAll(".citation-list, .citation-list > .citation")) entry.removeAttribute("role");
});

// What scrolls, a wide table or figure, can be reached by keyboard.
const SCROLLING = ".pst-scrollable-table-container, figure.only-wide";
const scrolling = new ResizeObserver((parts) => {
  for (const { target } of parts) {
    const box = target.closest(SCROLLING);
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
});
document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll(SCROLLING)) for (const part of [box, ...box.querySelectorAll("table, img")]) scrolling.observe(part);
});

// Hints and answers are open on paper; folded drawing code stays away.
window.addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll(".bd-content details")) {
    const drawing = fold.querySelector("summary")?.textContent.includes("source");
    if (!drawing) fold.open = true;
  }
});
