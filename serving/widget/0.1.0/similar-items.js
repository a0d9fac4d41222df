/**
 * Look-alikes on a product page. One module, nothing to build, nothing else to load:
 *
 *   <script type="module" src="https://…/widget/0.1.0/similar-items.js"></script>
 *   <similar-items endpoint="https://…" item-id="shoe-17" limit="12"></similar-items>
 *
 * To let shoppers click what they see in the photo, wrap the page's own picture:
 *
 *   <product-photo><img src="shoe-17.jpg" width="800" height="1000" alt="…"></product-photo>
 *
 * <similar-items> takes: endpoint, item-id, limit (12), region, heading, lang, and link (an address
 * with {item_id} in it, for catalogues without addresses). It emits similar-items:load and
 * similar-items:click, whose detail carries query_id, position and hit. <product-photo> takes: for
 * (the id of the <similar-items> it steers; else the first on the page) and image (which of the
 * item's photos it shows, from 0).
 *
 * Style them by --similar-items-* and --product-photo-* properties and ::part(). Until the module
 * has loaded, reserve the same space by the page's own style sheet, so that nothing moves:
 *   similar-items:not(:defined) { display: block; min-height: 22em }
 * (with other sizes of cards, another --similar-items-min-height, in both places)
 */
export const VERSION = "0.1.0";

const TIMEOUT_MILLISECONDS = 10_000;

const WORDS = {
  en: {
    heading: "More like this",
    loading: "Looking for similar items",
    found: (count) => (count === 1 ? "1 similar item" : `${count} similar items`),
    previous: "Previous items",
    next: "Next items",
    soldOut: "Sold out",
    products: "Products in this photo",
    product: (number) => `Show items similar to product ${number} in this photo`,
    whole: "Whole photo",
  },
  ja: {
    heading: "似ている商品",
    loading: "似ている商品を探しています",
    found: (count) => `似ている商品：${count}件`,
    previous: "前の商品",
    next: "次の商品",
    soldOut: "在庫切れ",
    products: "この写真の商品",
    product: (number) => `写真の商品${number}に似たものを見る`,
    whole: "写真全体",
  },
};

function languageOf(element) {
  return (
    element.getAttribute("lang") ||
    element.closest("[lang]")?.getAttribute("lang") ||
    document.documentElement.lang ||
    navigator.language ||
    "en"
  );
}

function wordsOf(element) {
  return /^ja\b/i.test(languageOf(element)) ? WORDS.ja : WORDS.en;
}

/** Make an element; texts become text nodes, so nothing of a catalogue is ever read as HTML. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

function styled(css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}

/** An address that a page may link to or load, else null: http and https only. */
function safeAddress(address, base) {
  if (typeof address !== "string" || address === "") return null;
  try {
    const url = new URL(address, base);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

function baseOf(endpoint) {
  return new URL(`${endpoint.replace(/\/+$/, "")}/`, document.baseURI);
}

/** Photos that the service keeps are named from its root, wherever that is mounted. */
function photoAddress(address, base) {
  const local = typeof address === "string" && /^\/(?!\/)/.test(address);
  return safeAddress(local ? address.slice(1) : address, base);
}

function priceText(price, currency, language) {
  if (typeof price !== "number") return "";
  try {
    const style = currency ? { style: "currency", currency } : {};
    return new Intl.NumberFormat(language, style).format(price);
  } catch {
    return `${price} ${currency ?? ""}`.trim();
  }
}

async function fetchJson(address, signal) {
  const answer = await fetch(address, {
    signal,
    credentials: "omit",
    headers: { Accept: "application/json" },
  });
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return answer.json();
}

const ITEMS_SHEET = styled(`
:host {
  --_width: var(--similar-items-card-width, 11em);
  --_gap: var(--similar-items-gap, 1em);
  --_radius: var(--similar-items-radius, 0.5em);
  --_ratio: var(--similar-items-image-ratio, 1);
  --_accent: var(--similar-items-accent, currentColor);
  --_faint: color-mix(in srgb, currentColor 9%, transparent);
  --_quiet: color-mix(in srgb, currentColor 68%, transparent);
  display: block;
  min-height: var(--similar-items-min-height, 22em);
  container-type: inline-size;
  font: inherit;
  color: inherit;
  line-height: 1.4;
}
:host([data-state="empty"]), :host([data-state="error"]) { display: none !important; }
section { display: block; }
header { display: flex; align-items: center; gap: 0.5em; min-height: 2.5em; margin-bottom: 0.75em; }
h2 { flex: 1; margin: 0; font-size: 1.25em; font-weight: 600; line-height: 1.2; }
header button {
  flex: none; width: 2.5em; height: 2.5em; padding: 0; border-radius: 50%;
  border: 1px solid color-mix(in srgb, currentColor 25%, transparent);
  background: transparent; color: inherit; font: inherit; cursor: pointer;
}
header button:hover { background: var(--_faint); }
header button[aria-disabled="true"] { opacity: 0.35; cursor: default; }
header svg { display: block; width: 1.1em; height: 1.1em; margin: auto; }
[data-fits] header button { visibility: hidden; }
ul {
  display: flex; gap: var(--_gap); margin: 0; padding: 4px; scroll-padding: 4px; list-style: none;
  overflow-x: auto; overscroll-behavior-x: contain; scroll-snap-type: x proximity;
  scrollbar-width: thin; scrollbar-color: color-mix(in srgb, currentColor 30%, transparent) transparent;
  margin-inline: -4px;
}
li { flex: none; width: min(var(--_width), 42cqi); scroll-snap-align: start; }
.card { display: block; position: relative; color: inherit; text-decoration: none; border-radius: var(--_radius); }
.card:focus-visible, button:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
.photo {
  aspect-ratio: var(--_ratio); margin-bottom: 0.6em; overflow: hidden;
  border-radius: var(--_radius); background: var(--_faint);
}
.photo img { display: block; width: 100%; height: 100%; object-fit: cover; }
.line { display: block; height: 1.4em; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.brand { font-size: 0.8em; color: var(--_quiet); }
.title {
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2;
  height: 2.8em; overflow: hidden; font-size: 0.9em; overflow-wrap: anywhere;
}
a.card:hover .title { text-decoration: underline; text-underline-offset: 0.15em; }
.price { margin-top: 0.2em; font-size: 0.95em; font-weight: 600; font-variant-numeric: tabular-nums; }
.badge {
  position: absolute; inset-block-start: 0.6em; inset-inline-start: 0.6em; padding: 0.15em 0.6em;
  border-radius: 1em; background: rgb(255 255 255 / 92%); color: #222; font-size: 0.75em;
}
.waiting .line, .waiting .title { border-radius: 0.3em; background: var(--_faint); background-clip: content-box; padding-block: 0.2em; box-sizing: border-box; }
.waiting .brand { width: 45%; }
.waiting .price { width: 35%; }
[aria-busy="true"] li:not(.waiting) { opacity: 0.45; }
.unseen { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: no-preference) {
  ul { scroll-behavior: smooth; }
  li { transition: opacity 0.15s; }
  .photo img { transition: transform 0.3s; }
  a.card:hover img { transform: scale(1.03); }
  .waiting { animation: breathe 1.6s ease-in-out infinite; }
  @keyframes breathe { 50% { opacity: 0.55; } }
}
`);

class SimilarItems extends HTMLElement {
  static observedAttributes = ["endpoint", "item-id", "limit", "region", "heading", "lang", "link"];

  #loading = null;
  #scheduled = false;
  #list = make("ul", { part: "list", role: "list" });
  #heading = make("h2", { part: "heading", id: "heading" });
  #status = make("p", { class: "unseen", role: "status" });
  #previous = arrow("previous", "M15 5l-7 7 7 7");
  #next = arrow("next", "M9 5l7 7-7 7");
  #section = make(
    "section",
    { part: "section", "aria-labelledby": "heading" },
    make("header", { part: "header" }, this.#heading, this.#previous, this.#next),
    this.#list,
    this.#status,
  );
  #sizes = new ResizeObserver(() => this.#showArrows());

  /** The latest answer of the service, as similar-items:load told it; null before the first. */
  answer = null;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [ITEMS_SHEET];
    root.append(this.#section);
    this.#previous.addEventListener("click", () => this.#scroll(-1));
    this.#next.addEventListener("click", () => this.#scroll(1));
    this.#list.addEventListener("scroll", () => this.#showArrows(), { passive: true });
    this.#list.addEventListener("keydown", (event) => this.#step(event));
  }

  connectedCallback() {
    this.#sizes.observe(this.#list);
    this.#schedule();
  }

  disconnectedCallback() {
    this.#sizes.disconnect();
    this.#loading?.abort();
  }

  attributeChangedCallback(_name, before, after) {
    if (before !== after) this.#schedule();
  }

  /** Several attributes that change together make one request. */
  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.isConnected) this.#load();
    });
  }

  async #load() {
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    const timer = setTimeout(() => loading.abort("timeout"), TIMEOUT_MILLISECONDS);
    try {
      const itemId = this.getAttribute("item-id");
      if (!itemId) return this.#become("empty");
      this.#await(itemId);
      const base = baseOf(this.getAttribute("endpoint") ?? "");
      const answer = await fetchJson(this.#question(itemId, base), loading.signal);
      if (loading !== this.#loading) return;
      this.answer = answer;
      this.#show(answer, base);
      this.#emit("load", answer);
    } catch (error) {
      // A newer question has replaced this one, or the element has left the page: nothing to show.
      if (loading !== this.#loading || !this.isConnected) return;
      console.debug("similar-items:", error);
      this.#become("error");
    } finally {
      clearTimeout(timer);
    }
  }

  #question(itemId, base) {
    const address = new URL(`v1/items/${encodeURIComponent(itemId)}/similar`, base);
    address.searchParams.set("limit", this.#limit());
    const region = this.getAttribute("region");
    if (region) address.searchParams.set("region", region);
    return address.href;
  }

  #limit() {
    const limit = Number.parseInt(this.getAttribute("limit") ?? "", 10);
    return limit >= 1 ? Math.min(limit, 100) : 12;
  }

  /** Show that something is coming: the cards of this item dimmed, or cards without content. */
  #await(itemId) {
    const words = wordsOf(this);
    const heading = this.getAttribute("heading") ?? words.heading;
    this.#heading.textContent = heading;
    this.#section.setAttribute("aria-label", words.heading);
    this.#previous.setAttribute("aria-label", words.previous);
    this.#next.setAttribute("aria-label", words.next);
    this.#section.setAttribute("aria-busy", "true");
    this.#status.textContent = words.loading;
    if (this.answer?.item_id !== itemId || !this.#list.childElementCount) {
      const count = Math.min(this.#limit(), 8);
      this.#list.replaceChildren(...Array.from({ length: count }, waitingCard));
    }
    this.#become("loading");
  }

  #show(answer, base) {
    const language = languageOf(this);
    const cards = answer.hits.map((hit, place) => this.#card(hit, place, base, language));
    this.#list.replaceChildren(...cards);
    this.#list.scrollLeft = 0;
    this.#section.removeAttribute("aria-busy");
    this.#status.textContent = wordsOf(this).found(cards.length);
    this.#become(cards.length ? "ready" : "empty");
    this.#showArrows();
  }

  #card(hit, place, base, language) {
    const link = this.#link(hit);
    const card = make(
      link ? "a" : "div",
      { class: "card", part: "card", href: link },
      make("div", { class: "photo", part: "photo" }, ...photo(hit, base)),
      make("span", { class: "line brand", part: "brand" }, hit.brand ?? ""),
      make("span", { class: "title", part: "title" }, hit.title ?? hit.item_id),
      make(
        "span",
        { class: "line price", part: "price" },
        priceText(hit.price, hit.currency, language),
      ),
    );
    if (hit.in_stock === false) {
      card.append(make("span", { class: "badge", part: "badge" }, wordsOf(this).soldOut));
    }
    card.addEventListener("click", (event) => {
      const told = { ...this.answer, hits: undefined, hit, position: place + 1 };
      if (!this.#emit("click", told)) event.preventDefault();
    });
    return make("li", { part: "item" }, card);
  }

  #link(hit) {
    const template = this.getAttribute("link");
    const address = template
      ? template.replaceAll("{item_id}", encodeURIComponent(hit.item_id))
      : hit.url;
    return safeAddress(address, document.baseURI);
  }

  #become(state) {
    this.dataset.state = state;
  }

  #emit(name, detail) {
    return this.dispatchEvent(
      new CustomEvent(`similar-items:${name}`, {
        detail,
        bubbles: true,
        composed: true,
        cancelable: name === "click",
      }),
    );
  }

  #scroll(direction) {
    const ahead = getComputedStyle(this).direction === "rtl" ? -direction : direction;
    this.#list.scrollBy({ left: ahead * this.#list.clientWidth * 0.85 });
  }

  #showArrows() {
    const { scrollWidth, clientWidth, scrollLeft } = this.#list;
    const left = scrollWidth - clientWidth;
    const gone = Math.abs(scrollLeft);
    this.#section.toggleAttribute("data-fits", left < 2);
    this.#previous.setAttribute("aria-disabled", gone < 2);
    this.#next.setAttribute("aria-disabled", gone > left - 2);
  }

  /** Arrow keys, Home and End go from card to card; Tab still does too. */
  #step(event) {
    const cards = [...this.#list.querySelectorAll("a.card")];
    const at = cards.indexOf(this.shadowRoot.activeElement);
    const steps = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: cards.length - 1 };
    const to = cards[steps[event.key]];
    if (at < 0 || !to || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    to.focus();
  }
}

function arrow(part, path) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  for (const [name, value] of Object.entries({
    d: path,
    fill: "none",
    stroke: "currentColor",
    "stroke-width": "2",
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  })) {
    line.setAttribute(name, value);
  }
  svg.append(line);
  return make("button", { type: "button", part: `button ${part}` }, svg);
}

function waitingCard() {
  return make(
    "li",
    { class: "waiting", "aria-hidden": "true" },
    make("div", { class: "photo" }),
    make("span", { class: "line brand" }),
    make("span", { class: "title" }),
    make("span", { class: "line price" }),
  );
}

/** The hit's photo, cut so that the region which looks alike stays in view. */
function photo(hit, base) {
  const address = photoAddress(hit.image_url, base);
  if (!address) return [];
  const image = make("img", {
    src: address,
    alt: "",
    width: "176",
    height: "176",
    loading: "lazy",
    decoding: "async",
  });
  const [x0, y0, x1, y1] = hit.box ?? [0, 0, 1, 1];
  image.style.objectPosition = `${50 * (x0 + x1)}% ${50 * (y0 + y1)}%`;
  image.addEventListener("error", () => image.remove(), { once: true });
  return [image];
}

const PHOTO_SHEET = styled(`
:host { display: block; position: relative; overflow: hidden; }
.layer { position: absolute; overflow: hidden; pointer-events: none; }
button {
  position: absolute; box-sizing: border-box; margin: 0; padding: 0; pointer-events: auto;
  min-width: 24px; min-height: 24px; border: 2px solid rgb(255 255 255 / 85%); border-radius: 0.7em;
  background: transparent; box-shadow: 0 0 0 1px rgb(0 0 0 / 28%), inset 0 0 0 1px rgb(0 0 0 / 18%);
  color: #111; font: inherit; cursor: pointer;
}
button:hover { background: rgb(255 255 255 / 16%); border-color: #fff; }
button[aria-pressed="true"] {
  border-width: 3px; border-color: var(--product-photo-accent, #fff);
  box-shadow: 0 0 0 1px rgb(255 255 255 / 70%), inset 0 0 0 1px rgb(255 255 255 / 70%);
}
.several button[aria-pressed="true"]:not(.whole) {
  box-shadow: 0 0 0 1px rgb(255 255 255 / 70%), inset 0 0 0 1px rgb(255 255 255 / 70%), 0 0 0 100vmax rgb(0 0 0 / 18%);
}
button:focus-visible { outline: 3px solid var(--product-photo-accent, #fff); outline-offset: -8px; }
.whole {
  inset-block-start: 0.75em; inset-inline-start: 0.75em; padding: 0.3em 0.8em; border-width: 0; border-radius: 2em;
  background: rgb(255 255 255 / 88%); font-size: 0.8em; line-height: 1.4; z-index: 1;
}
.whole:hover { background: #fff; }
.whole[aria-pressed="true"] { border-width: 0; background: #111; color: #fff; box-shadow: none; }
.whole:focus-visible { outline-color: #111; outline-offset: 2px; }
@media (prefers-reduced-motion: no-preference) {
  button { transition: background 0.15s, box-shadow 0.2s; }
}
`);

class ProductPhoto extends HTMLElement {
  static observedAttributes = ["for", "image", "lang"];

  #item = null;
  #target = null;
  #loading = null;
  #root = null;
  #layer = make("div", { class: "layer", part: "layer", role: "group" });
  #slot = make("slot");
  #sizes = new ResizeObserver(() => this.#place());
  #onLoad = (event) => {
    if (event.target === this.#find()) this.#follow(event.target);
  };
  #onPicture = () => this.#place();

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [PHOTO_SHEET];
    root.append(this.#slot, this.#layer);
    this.#slot.addEventListener("slotchange", () => this.#draw());
    // `load` does not bubble, but it can be caught on its way down.
    this.addEventListener("load", this.#onPicture, true);
  }

  connectedCallback() {
    this.#root = this.getRootNode();
    this.#root.addEventListener("similar-items:load", this.#onLoad);
    this.#sizes.observe(this);
    const target = this.#find();
    if (target?.answer) this.#follow(target);
  }

  disconnectedCallback() {
    this.#root?.removeEventListener("similar-items:load", this.#onLoad);
    this.#sizes.disconnect();
    this.#loading?.abort();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#draw();
  }

  #find() {
    const name = this.getAttribute("for");
    return name ? this.#root.getElementById?.(name) : this.#root.querySelector("similar-items");
  }

  /** Show the regions of the item whose look-alikes have just come, and which one was asked. */
  async #follow(target) {
    this.#target = target;
    const { item_id: itemId, region_id: regionId } = target.answer;
    if (this.#item?.item_id === itemId) return this.#press(regionId);
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    try {
      const base = baseOf(target.getAttribute("endpoint") ?? "");
      const address = new URL(`v1/items/${encodeURIComponent(itemId)}`, base);
      const item = await fetchJson(address.href, loading.signal);
      if (loading.signal.aborted) return;
      this.#item = item;
      this.#draw();
    } catch (error) {
      // The page's own picture stays as it is.
      if (!loading.signal.aborted) console.debug("product-photo:", error);
    }
  }

  /** Make one button for each product, the smallest on top, and one for the whole photo. */
  #draw() {
    this.#layer.replaceChildren();
    const image = this.#item?.images?.[Number(this.getAttribute("image") ?? 0)];
    if (!image) return;
    const words = wordsOf(this);
    this.#layer.setAttribute("aria-label", words.products);
    const area = ([x0, y0, x1, y1]) => (x1 - x0) * (y1 - y0);
    const products = image.regions.filter((region) => region.kind === "product");
    products.sort((one, other) => area(other.box) - area(one.box));
    const buttons = products.map((region, place) => {
      const button = this.#button(region, { "aria-label": words.product(place + 1), part: "box" });
      const [x0, y0, x1, y1] = region.box;
      button.style.left = `${100 * x0}%`;
      button.style.top = `${100 * y0}%`;
      button.style.width = `${100 * (x1 - x0)}%`;
      button.style.height = `${100 * (y1 - y0)}%`;
      return button;
    });
    const whole = image.regions.find((region) => region.kind === "whole");
    if (whole && products.length) {
      buttons.push(this.#button(whole, { class: "whole", part: "whole" }, words.whole));
    }
    this.#layer.classList.toggle("several", products.length > 1);
    this.#layer.append(...buttons);
    this.#press(this.#target?.answer?.region_id);
    this.#place();
  }

  #button(region, attributes, ...children) {
    const button = make("button", { type: "button", ...attributes }, ...children);
    button.dataset.region = region.region_id;
    button.addEventListener("click", () => {
      this.#press(region.region_id);
      this.#target?.setAttribute("region", region.region_id);
    });
    return button;
  }

  #press(regionId) {
    for (const button of this.#layer.children) {
      button.setAttribute("aria-pressed", button.dataset.region === regionId);
    }
  }

  /** Lay the buttons over what is seen of the picture, however it is fitted into its element. */
  #place() {
    const picture = this.querySelector("img");
    const image = this.#item?.images?.[Number(this.getAttribute("image") ?? 0)];
    const { naturalWidth: width, naturalHeight: height } = picture ?? {};
    // Another crop of the photo would put the boxes beside the products: show none then.
    const same = width && image && Math.abs((width * image.height_px) / (height * image.width_px) - 1) < 0.03;
    this.#layer.hidden = !same;
    this.#layer.style.display = same ? "" : "none";
    if (!same) return;
    const inner = picture.getBoundingClientRect();
    const outer = this.getBoundingClientRect();
    const fit = getComputedStyle(picture).objectFit;
    const scales = [inner.width / width, inner.height / height];
    const scale = fit === "contain" ? Math.min(...scales) : fit === "cover" ? Math.max(...scales) : 0;
    const seenWidth = scale ? width * scale : inner.width;
    const seenHeight = scale ? height * scale : inner.height;
    const style = this.#layer.style;
    style.left = `${inner.left - outer.left + (inner.width - seenWidth) / 2}px`;
    style.top = `${inner.top - outer.top + (inner.height - seenHeight) / 2}px`;
    style.width = `${seenWidth}px`;
    style.height = `${seenHeight}px`;
  }
}

if (!customElements.get("similar-items")) customElements.define("similar-items", SimilarItems);
if (!customElements.get("product-photo")) customElements.define("product-photo", ProductPhoto);
