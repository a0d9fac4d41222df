/** What the pages share: making elements, prices, addresses, tiles, the header and the footer. */

export const part = (id) => document.getElementById(id);

export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

export function priceText(price, currency) {
  if (typeof price !== "number") return "";
  try {
    const style = currency ? { style: "currency", currency } : {};
    return new Intl.NumberFormat(document.documentElement.lang, style).format(price);
  } catch {
    return `${price} ${currency ?? ""}`.trim();
  }
}

export const nameOf = (item) => item.title ?? item.item_id;

export function pageOf(itemId) {
  return `item.html?id=${encodeURIComponent(itemId)}`;
}

/** An item as the shelf shows it: its photo, who made it, what it is and what it costs. */
export function tile(item, { eager = false } = {}) {
  const frame = make("span", { class: "frame" });
  const image = make("img", {
    src: item.image_url,
    alt: "",
    width: item.width_px ?? 320,
    height: item.height_px ?? 320,
    loading: eager ? "eager" : "lazy",
    decoding: "async",
  });
  if (item.box) {
    const [x0, y0, x1, y1] = item.box; // what looks alike stays in view
    image.style.objectPosition = `${50 * (x0 + x1)}% ${50 * (y0 + y1)}%`;
  }
  image.addEventListener("error", () => image.remove(), { once: true });
  frame.append(image);
  if (item.in_stock === false) frame.append(make("span", { class: "badge" }, "Sold out"));
  return make(
    "a",
    { class: "tile", href: pageOf(item.item_id) },
    frame,
    make("span", { class: "brand" }, item.brand ?? ""),
    make("span", { class: "name" }, nameOf(item)),
    make("span", { class: "cost" }, priceText(item.price, item.currency)),
  );
}

/** Fetch JSON; an Error carries the `status`, and says what the service said. */
export async function fetchJson(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    const error = new Error(problem.detail ?? `${address} answered ${answer.status}`);
    error.status = answer.status;
    throw error;
  }
  return answer.json();
}

export function postJson(address, body) {
  const headers = { "Content-Type": "application/json" };
  return fetchJson(address, { method: "POST", headers, body: JSON.stringify(body) });
}

/** What this visit remembers: nothing leaves the browser, and it is gone with the tab. */
export function remembered(name, otherwise) {
  try {
    return JSON.parse(sessionStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing forgets the basket: no harm in a shop where nothing is sold.
  }
}

export function showBasket() {
  part("basket").textContent = remembered("basket", []).length;
}

/** Let the skip link move the focus itself: the address stays, and with it what is asked. */
function skip(event) {
  event.preventDefault();
  part(event.currentTarget.hash.slice(1)).focus();
}

/** Show what every page shows: the basket, what the shop answers from, and what it can do. */
export async function showFrame() {
  showBasket();
  document.querySelector(".skip").addEventListener("click", skip);
  const bundle = await fetchJson("/v1/bundle");
  const count = (number) => new Intl.NumberFormat("en").format(number);
  const { items, images, regions } = bundle.counts;
  part("about").textContent =
    `${count(items)} products, ${count(images)} photos and ${count(regions)} regions, ` +
    `answered from bundle ${bundle.bundle}. Everything shown is a demonstration; nothing is for sale.`;
  part("to-photo").classList.toggle("offered", Boolean(bundle.capabilities?.photo));
  return bundle;
}
