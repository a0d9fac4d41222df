/** The shelf: all products, or one category, a page at a time. */
import { fetchJson, make, pageOf, priceText, shelfOf, showBundle } from "./elements.js";

const PAGE = 24;
const part = (id) => document.getElementById(id);
const category = new URLSearchParams(location.search).get("category");
let shown = 0;

function tile(item) {
  const frame = make("span", { class: "frame" });
  const image = make("img", {
    src: item.image_url,
    alt: "",
    width: item.width_px,
    height: item.height_px,
    loading: shown < 8 ? "eager" : "lazy",
    decoding: "async",
  });
  image.addEventListener("error", () => image.remove(), { once: true });
  frame.append(image);
  if (item.in_stock === false) frame.append(make("span", { class: "badge" }, "Sold out"));
  const link = make(
    "a",
    { class: "tile", href: pageOf(item.item_id) },
    frame,
    make("span", { class: "brand" }, item.brand ?? ""),
    make("span", { class: "name" }, item.title ?? item.item_id),
    make("span", { class: "cost" }, priceText(item.price, item.currency)),
  );
  return make("li", {}, link);
}

function chip(name, count) {
  const here = (name ?? null) === category;
  const attributes = { class: "chip", href: shelfOf(name), "aria-current": here ? "page" : null };
  return make("a", attributes, name ?? "All", " ", make("small", {}, String(count)));
}

function showChips(categories, all) {
  const chips = categories.map((each) => chip(each.name, each.items));
  part("chips").replaceChildren(chip(null, all), ...chips);
  const here = part("chips").querySelector("[aria-current]");
  // Only sideways: the page itself must not jump.
  if (here) part("chips").scrollLeft = here.offsetLeft - part("chips").clientWidth / 2;
}

async function showMore() {
  part("more").disabled = true;
  const query = new URLSearchParams({ offset: shown, limit: PAGE });
  if (category) query.set("category", category);
  try {
    const page = await fetchJson(`items.json?${query}`);
    const tiles = page.items.map(tile);
    part("grid").append(...tiles);
    if (shown) tiles[0]?.querySelector("a").focus({ preventScroll: true });
    else showChips(page.categories, page.all);
    shown += page.items.length;
    part("count").textContent = page.total ? `${shown} of ${page.total}` : "Nothing here.";
    part("more").hidden = shown >= page.total;
  } catch {
    part("trouble").hidden = false;
    part("more").hidden = true;
  } finally {
    part("grid").removeAttribute("aria-busy");
    part("more").disabled = false;
  }
}

if (category) {
  part("heading").textContent = category;
  document.title = `${category} · Nitamono demo shop`;
}
part("more").addEventListener("click", showMore);
showMore();
showBundle(part("about")).catch(() => {});
