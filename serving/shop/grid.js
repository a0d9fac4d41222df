/** The shelf: all products or what filters leave of them, a page at a time. */
import { fetchJson, make, part, showFrame, tile } from "./elements.js";

const PAGE = 24;
const FILTERS = ["brand", "low", "high", "stock"];
let shown = 0;
let latest = 0;

/** What is asked for is in the page's own address, so that it can be kept and gone back to. */
const asked = () => new URLSearchParams(location.search);

function addressWith(changes) {
  const query = asked();
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  return query.size ? `./?${query}` : "./";
}

function question() {
  const query = new URLSearchParams({ offset: shown, limit: PAGE });
  const { category, brand, low, high, stock } = Object.fromEntries(asked());
  if (category) query.set("category", category);
  if (brand) query.append("filter", `brand:${brand.replaceAll(",", "\\,")}`);
  if (low || high) query.append("filter", `price:${low ?? ""}..${high ?? ""}`);
  if (stock) query.append("filter", "in_stock:true");
  return `items.json?${query}`;
}

function chip(name, count) {
  const here = (name ?? null) === asked().get("category");
  const href = addressWith({ category: name });
  const attributes = { class: "chip", href, "aria-current": here ? "page" : null };
  return make("a", attributes, name ?? "All", " ", make("small", {}, String(count)));
}

function showChips(page) {
  const chips = page.categories.map((each) => chip(each.name, each.items));
  part("chips").replaceChildren(chip(null, page.all), ...chips);
  const here = part("chips").querySelector("[aria-current]");
  // Only sideways: the page itself must not jump.
  if (here) part("chips").scrollLeft = here.offsetLeft - part("chips").clientWidth / 2;
}

function showFacets({ facets }) {
  const brands = facets.brand.map(({ value, count }) =>
    make("option", { value }, `${value} (${count})`),
  );
  const chosen = asked().get("brand") ?? "";
  const known = facets.brand.some(({ value }) => value === chosen);
  if (chosen && !known) brands.push(make("option", { value: chosen }, chosen));
  part("brand").replaceChildren(make("option", { value: "" }, "All brands"), ...brands);
  part("brand").value = chosen;
  const { low, high } = facets.price ?? {};
  part("low").placeholder = low === undefined ? "" : String(Math.floor(low));
  part("high").placeholder = high === undefined ? "" : String(Math.ceil(high));
}

/** Show what is asked at once, before the answer: by then somebody may be typing again. */
function showAsked() {
  const query = asked();
  for (const end of ["low", "high"]) part(end).value = query.get(end) ?? "";
  part("stock").checked = query.has("stock");
  part("clear").disabled = !FILTERS.some((name) => query.has(name));
}

async function show() {
  const asking = ++latest;
  part("more").disabled = true;
  try {
    const page = await fetchJson(question());
    if (asking !== latest) return; // another question has been asked meanwhile
    const tiles = page.items.map((item, place) =>
      make("li", {}, tile(item, { eager: shown + place < 8 })),
    );
    if (shown) {
      part("grid").append(...tiles);
      tiles[0]?.querySelector("a").focus({ preventScroll: true });
    } else {
      part("grid").replaceChildren(...tiles);
      showChips(page);
      showFacets(page);
    }
    shown += page.items.length;
    part("count").textContent = page.total ? `${shown} of ${page.total}` : "Nothing here fits.";
    part("more").hidden = shown >= page.total;
    part("trouble").hidden = true;
  } catch {
    if (asking !== latest) return;
    part("trouble").hidden = false;
    part("more").hidden = true;
  } finally {
    part("grid").removeAttribute("aria-busy");
    part("more").disabled = false;
  }
}

function begin() {
  shown = 0;
  showAsked();
  const category = asked().get("category");
  part("heading").textContent = category ?? "All products";
  document.title = category ? `${category} · Nitamono demo shop` : "Nitamono demo shop";
  part("grid").setAttribute("aria-busy", "true");
  return show();
}

/** A price as people type it; nothing where it is none. */
function amount(input) {
  const number = Number.parseFloat(input.value.replace(",", "."));
  return number >= 0 && Number.isFinite(number) ? String(number) : "";
}

function narrow() {
  const changes = {
    brand: part("brand").value,
    low: amount(part("low")),
    high: amount(part("high")),
    stock: part("stock").checked ? "1" : "",
  };
  history.pushState(null, "", addressWith(changes));
  begin();
}

part("filters").addEventListener("change", narrow);
part("filters").addEventListener("submit", (event) => event.preventDefault());
part("filters").addEventListener("reset", (event) => {
  event.preventDefault();
  history.pushState(null, "", addressWith(Object.fromEntries(FILTERS.map((name) => [name, ""]))));
  part("brand").focus();
  begin();
});
addEventListener("popstate", begin);
part("more").addEventListener("click", show);
begin();
showFrame().catch(() => {});
