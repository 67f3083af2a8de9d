// Hints and answers are open on paper; folded drawing code stays away.
window.addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll(".bd-content details")) {
    const drawing = fold.querySelector("summary")?.textContent.includes("source");
    if (!drawing) fold.open = true;
  }
});
