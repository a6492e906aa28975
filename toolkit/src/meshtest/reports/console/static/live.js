// A page with [data-live] is fetched again each second, and its live part replaced, until it has the attribute no more.
"use strict";

const INTERVAL_MS = 1000;

async function refresh() {
  const shown = document.getElementById("live");
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const next = page.getElementById("live");
  if (!next || next.isEqualNode(shown)) return;
  const focused = shown.contains(document.activeElement) && document.activeElement.getAttribute("href");
  const scrolled = new Map([...shown.querySelectorAll(".scroll")].map((each) => [each.getAttribute("aria-label"), each.scrollLeft]));
  if (next.dataset.status !== shown.dataset.status) {
    document.getElementById("announcement").textContent = next.dataset.status;
  }
  shown.replaceWith(document.adoptNode(next));
  for (const each of next.querySelectorAll(".scroll")) each.scrollLeft = scrolled.get(each.getAttribute("aria-label")) ?? 0;
  if (focused) next.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

async function live() {
  while (document.querySelector("[data-live]")) {
    await new Promise((done) => setTimeout(done, INTERVAL_MS));
    try {
      await refresh();
    } catch {
      document.getElementById("announcement").textContent = "The console does not answer";
    }
  }
}

live();
