/** More like these, less like that: the shelf follows what a shopper likes and does not. */
import { fetchJson, make, nameOf, part, postJson, showFrame, tile } from "./elements.js";

const SHOWN = 24;
const MOST = 16;
const known = new Map();
let latest = 0;

/** What was picked is in the page's own address: it can be kept, sent, and gone back from. */
function picked() {
  const query = new URLSearchParams(location.search);
  return { like: query.getAll("like").slice(0, MOST), less: query.getAll("less").slice(0, MOST) };
}

function go({ like, less }) {
  const query = new URLSearchParams();
  for (const id of like.slice(-MOST)) query.append("like", id);
  for (const id of less.slice(-MOST)) query.append("less", id);
  history.pushState(null, "", query.size ? `?${query}` : location.pathname);
  show();
}

function pick(itemId, kind) {
  const { like, less } = picked();
  const rest = { like: like.filter((id) => id !== itemId), less: less.filter((id) => id !== itemId) };
  if (kind) rest[kind].push(itemId);
  go(rest);
}

/** Learn the names and photos of items that were picked on another page, or another day. */
async function learn(itemIds) {
  const unknown = itemIds.filter((id) => !known.has(id));
  const answers = unknown.map(async (id) => {
    const item = await fetchJson(`/v1/items/${encodeURIComponent(id)}`);
    known.set(id, { ...item, image_url: item.images[0]?.image_url });
  });
  await Promise.allSettled(answers);
  return itemIds.filter((id) => known.has(id));
}

function chosen(itemId) {
  const item = known.get(itemId);
  const image = make("img", { src: item.image_url, alt: "", width: 64, height: 64 });
  const label = `Remove ${nameOf(item)}`;
  const button = make("button", { type: "button", "aria-label": label, title: label }, image);
  button.addEventListener("click", () => {
    const list = button.closest("ul");
    pick(itemId, null);
    list.closest(".pick").querySelector("h2").focus();
  });
  return make("li", {}, button);
}

function showPicks({ like, less }) {
  part("likes").replaceChildren(...like.map(chosen));
  part("dislikes").replaceChildren(...less.map(chosen));
  part("clear").disabled = !like.length && !less.length;
}

function choice(item, kind, sign, label) {
  const button = make(
    "button",
    { type: "button", class: "choose-button", "aria-label": `${label}: ${nameOf(item)}` },
    make("span", { "aria-hidden": "true" }, sign),
    label,
  );
  button.addEventListener("click", () => {
    pick(item.item_id, kind);
    part("grid").focus({ preventScroll: true });
  });
  return button;
}

function card(item, place) {
  known.set(item.item_id, item);
  const choices = make(
    "span",
    { class: "choices" },
    choice(item, "like", "+", "More like this"),
    choice(item, "less", "−", "Less like this"),
  );
  return make("li", {}, tile(item, { eager: place < 8 }), choices);
}

async function wanted({ like, less }) {
  if (!like.length) {
    const page = await fetchJson(`items.json?limit=${SHOWN + less.length}`);
    return page.items.filter((item) => !less.includes(item.item_id)).slice(0, SHOWN);
  }
  const query = { positive: like, negative: less, limit: SHOWN };
  const { answers } = await postJson("/v1/search", { queries: [query] });
  if (answers[0].problem) throw new Error(answers[0].problem.detail);
  return answers[0].hits;
}

async function show() {
  const asking = ++latest;
  part("grid").setAttribute("aria-busy", "true");
  try {
    const { like, less } = picked();
    const there = await learn([...like, ...less]);
    const picks = {
      like: like.filter((id) => there.includes(id)),
      less: less.filter((id) => there.includes(id)),
    };
    const items = await wanted(picks);
    if (asking !== latest) return; // something else was picked meanwhile
    showPicks(picks);
    part("grid").replaceChildren(...items.map(card));
    part("said").textContent = picks.like.length
      ? `${items.length} products that are like what you picked`
      : "Pick something that you like.";
    part("trouble").hidden = true;
  } catch {
    if (asking === latest) part("trouble").hidden = false;
  } finally {
    if (asking === latest) part("grid").removeAttribute("aria-busy");
  }
}

part("clear").addEventListener("click", () => {
  go({ like: [], less: [] });
  part("grid").focus({ preventScroll: true });
});
addEventListener("popstate", show);
show();
showFrame().catch(() => {});
