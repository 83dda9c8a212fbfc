// What a page says of its own freshness, and what it says aloud. Everything else is htmx attributes and plain forms.
"use strict";
(() => {
  const STALE_AFTER_MS = 25000; // two heartbeats of 10 s and some
  const RETRY_AFTER_MS = 12000; // longer than htmx's longest wait (5 s and its jitter) and its time-out to connect
  const link = document.getElementById("link");
  if (!link) return;
  let heard = Date.now();
  let connected = false;
  let tried = Date.now(); // when somebody last tried to connect: htmx's own reconnection, or we

  const clock = (ms) => new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: link.dataset.zone }).format(ms);

  function show() {
    const stale = Date.now() - heard > STALE_AFTER_MS;
    const text = stale ? `${link.dataset.stale} ${clock(heard)}` : connected ? link.dataset.live : link.dataset.connecting;
    document.body.classList.toggle("stale", stale);
    link.classList.toggle("stale", stale);
    if (link.textContent !== text) link.textContent = text;
    if (stale && Date.now() - tried > RETRY_AFTER_MS) renew();
  }

  // A connection can hang without ever ending, and htmx does not repeat a first request that failed: begin a new one.
  // The clone has none of htmx's state.
  function renew() {
    tried = Date.now();
    const old = document.getElementById("news");
    const fresh = old.cloneNode(false);
    fresh.removeAttribute("data-htmx-powered");
    htmx.trigger(old, "htmx:abort");
    old.replaceWith(fresh);
    listen(fresh);
    htmx.process(fresh);
  }

  function listen(news) {
    for (const name of ["beat", "scope"]) {
      news.addEventListener(name, () => { heard = Date.now(); connected = true; show(); });
    }
    news.addEventListener("htmx:sse:before:connection", () => { tried = Date.now(); });
    news.addEventListener("htmx:sse:error", (event) => {
      connected = false;
      show();
      if (event.detail.status === 401) location.reload(); // the session is over: the server shows the log-in page
    });
  }

  // A refusal never takes the page's place (noSwap): the alarms that stand there stay, and its sentence is said above them.
  const REFUSAL_STAYS_MS = 20000; // of an action; one of a refresh goes with the next that succeeds
  const refused = document.getElementById("refused");
  let actedAt = 0;

  function refuse(text, acted) {
    refused.textContent = text;
    refused.hidden = false;
    actedAt = acted ? Date.now() : 0;
  }

  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement, response, text } = event.detail.ctx;
    if (sourceElement.id === "news") return;
    const acted = sourceElement.tagName === "FORM";
    if (response.status >= 400) {
      const sentence = new DOMParser().parseFromString(text, "text/html").getElementById("sentence");
      refuse(sentence ? sentence.textContent : refused.dataset.refused, acted);
      if (acted) htmx.trigger(document.body, "scope"); // what stands there may be what was refused
    } else if (acted || Date.now() - actedAt > REFUSAL_STAYS_MS) {
      refused.hidden = true;
    }
  });
  document.addEventListener("htmx:error", (event) => {
    const ctx = event.detail.ctx;
    if (ctx && ctx.sourceElement.tagName === "FORM") refuse(refused.dataset.unsent, true);
  });

  // New alarms are said aloud: life safety at once, the rest when the reader pauses.
  const spoken = new Set();
  function announce(first) {
    const said = { assertive: [], polite: [] };
    for (const row of document.querySelectorAll("#alarms [data-onset]")) {
      if (spoken.has(row.dataset.onset)) continue;
      spoken.add(row.dataset.onset);
      said[row.dataset.priority === "life-safety" ? "assertive" : "polite"].push(row.dataset.say);
    }
    if (first) return;
    for (const [region, texts] of Object.entries(said)) {
      if (texts.length) document.getElementById(region).textContent = texts.slice(0, 5).join(". ");
    }
    const waiting = document.querySelectorAll("#alarms [data-onset]").length;
    const bare = document.title.replace(/^\(\d+\) /, "");
    document.title = waiting ? `(${waiting}) ${bare}` : bare;
  }

  listen(document.getElementById("news"));
  const list = document.getElementById("alarms");
  if (list) {
    announce(true);
    new MutationObserver(() => announce(false)).observe(document.getElementById("main"), { childList: true, subtree: true, attributeFilter: ["data-onset"] });
  }
  document.addEventListener("visibilitychange", show);
  setInterval(show, 1000);
  show();
})();
