// Keeps the page up to date: the same address is asked again, and what is live on it is replaced.
"use strict";

const EVERY = 2000;
const link = document.getElementById("link");
let lostAt = null;

function keyOf(element, live) {
  // What has the focus has it again afterwards: a link by where it leads, a summary by its details.
  if (!element || !live.contains(element)) return null;
  if (element.href) return `a[href="${CSS.escape(element.getAttribute("href"))}"]`;
  if (element.tagName === "SUMMARY") return `#${element.parentElement.id} > summary`;
  return null;
}

function replace(live, fresh) {
  const focused = keyOf(document.activeElement, live);
  const open = new Set([...live.querySelectorAll("details[open]")].map((each) => each.id));
  for (const each of fresh.querySelectorAll("details")) each.open = open.has(each.id);
  live.replaceChildren(...fresh.childNodes);
  if (focused) live.querySelector(focused)?.focus({ preventScroll: true });
}

function selecting(live) {
  const selection = getSelection();
  return !selection.isCollapsed && live.contains(selection.anchorNode);
}

async function update() {
  const live = document.getElementById("live");
  if (document.hidden || selecting(live)) return;
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(10000) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (fresh && !selecting(live)) replace(live, fresh);
    lostAt = null;
    link.textContent = "live";
  } catch {
    lostAt ??= new Date();
    link.textContent = `no answer since ${lostAt.toLocaleTimeString()}: what is shown is old`;
  }
  link.classList.toggle("lost", lostAt !== null);
}

async function go() {
  for (;;) {
    await new Promise((done) => setTimeout(done, EVERY));
    await update();
  }
}

link.textContent = "live";
document.addEventListener("visibilitychange", update);
go();
