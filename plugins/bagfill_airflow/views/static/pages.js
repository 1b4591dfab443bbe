// Small helps for Bagfill's pages. Every page works without them; with them it follows Airflow's theme, renews itself,
// and leaves the frame that Airflow shows it in. Nothing is loaded from elsewhere.
"use strict";

const root = document.documentElement;

// Airflow keeps its theme under this key, in the same origin.
const followTheme = () => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    // Storage may be forbidden: the system's setting counts then.
  }
  const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "dark" : "light";
};
followTheme();
addEventListener("storage", followTheme);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", followTheme);

const renewing = () => {
  const live = document.getElementById("live");
  const status = document.getElementById("freshness");
  if (!live || !status) return;
  // A page that answered a button has the button's address; what it shows is asked for at its own.
  const from = live.dataset.from ?? location.href;
  history.replaceState(null, "", from);
  let failed = 0;
  let moment = status.textContent;

  const say = (text, level, link) => {
    status.dataset.level = level;
    // Told aloud when something is wrong, and not each time that nothing is.
    status.setAttribute("aria-live", level === "fresh" ? "off" : "polite");
    status.textContent = text;
    if (link) {
      const anchor = document.createElement("a");
      anchor.href = link;
      anchor.dataset.airflow = "";
      anchor.textContent = "Log in";
      status.append(" ", anchor);
    }
    live.classList.toggle("stale", level !== "fresh");
  };

  // What an element is called, so that it is found again among those that take its place, whatever they say by then.
  const nameOf = (each) =>
    each.id ||
    `${each.tagName} ${each.getAttribute("href") ?? each.getAttribute("aria-label") ?? each.textContent}`;
  const focusables = () => [...live.querySelectorAll("a[href], button, input, select, [tabindex]")];

  const swap = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const made = page.getElementById("live");
    if (!made) return;
    // As the server says it: its clock, its time zone.
    moment = page.getElementById("freshness").textContent;
    live.dataset.every = made.dataset.every;
    if (made.innerHTML === live.innerHTML) return;
    const focused = live.contains(document.activeElement) ? nameOf(document.activeElement) : null;
    const scrolled = new Map([...live.querySelectorAll(".wide")].map((each) => [nameOf(each), each.scrollLeft]));
    live.replaceChildren(...made.childNodes);
    for (const each of live.querySelectorAll(".wide")) each.scrollLeft = scrolled.get(nameOf(each)) ?? 0;
    if (focused) focusables().find((each) => nameOf(each) === focused)?.focus({ preventScroll: true });
  };

  // Not under somebody's hands: a field that is being filled, a command that is being copied.
  const isBusy = () => {
    const selected = document.getSelection();
    const marks = selected && !selected.isCollapsed && live.contains(selected.anchorNode);
    return marks || (live.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"));
  };

  let next;
  const renew = async () => {
    clearTimeout(next);
    if (isBusy()) {
      say(`${moment}. It is renewed when nothing is marked or being filled in.`, "fresh");
    } else if (!document.hidden) {
      try {
        const answer = await fetch(from, { headers: { Accept: "text/html" }, cache: "no-store" });
        if (answer.status === 401 || answer.redirected) {
          // Somebody may log in again in another window.
          failed += 1;
          say("Your login has expired: what is shown here is old.", "expired", root.dataset.login);
        } else if (answer.ok) {
          failed = 0;
          swap(await answer.text());
          say(`Renewed. ${moment}`, "fresh");
        } else {
          throw new Error(String(answer.status));
        }
      } catch {
        failed += 1;
        say("This page could not be renewed: what is shown here is old. It tries again.", "stale");
      }
    }
    wait();
  };
  const wait = () => {
    next = setTimeout(renew, 1000 * Number(live.dataset.every) * Math.min(8, 2 ** failed));
  };
  wait();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) renew();
  });
};

addEventListener("DOMContentLoaded", renewing);

// Airflow shows pages in a frame that may not lead the whole window elsewhere; its own document may.
addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a[data-airflow]");
  if (!anchor || window.parent === window || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const outside = window.parent.document.createElement("a");
  outside.href = anchor.href;
  window.parent.document.body.append(outside);
  outside.click();
  outside.remove();
});

// A second press while the first is under way sends nothing.
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  }
});
