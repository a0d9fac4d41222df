/** A product page: its photos, its details, and the look-alikes by the widget. */
import {
  fetchJson, make, nameOf, part, priceText, remember, remembered, showBasket, showFrame,
} from "./elements.js";

const TRAILS = "trails";
const bundle = showFrame().catch(() => ({}));
const itemId = new URLSearchParams(location.search).get("id") ?? "";

function showText(item) {
  const title = nameOf(item);
  document.title = `${title} · Nitamono demo shop`;
  part("title").textContent = title;
  part("brand").textContent = item.brand ?? "";
  part("price").textContent = priceText(item.price, item.currency);
  part("category").textContent = item.category ?? "";
  part("category").href = item.category ? `./?category=${encodeURIComponent(item.category)}` : "./";
  document.querySelector(".slash").hidden = !item.category;
  if (item.in_stock === null) part("stock").remove();
  else {
    part("stock").textContent = item.in_stock ? "In stock" : "Sold out";
    part("stock").classList.toggle("out", !item.in_stock);
  }
  const details = { ...item.attributes, segment: item.segment, "item number": item.item_id };
  for (const [name, value] of Object.entries(details)) {
    if (value) part("details").append(make("dt", {}, name), make("dd", {}, String(value)));
  }
}

/** Put photo `number` in the frame, and tell the widget which one it is. */
function showPhoto(item, number) {
  const image = item.images[number];
  const picture = part("picture");
  picture.width = image.width_px;
  picture.height = image.height_px;
  picture.alt = item.title ?? "";
  picture.src = image.image_url;
  part("photo").setAttribute("image", number);
  const products = image.regions.filter((region) => region.kind === "product");
  part("hint").hidden = products.length < 2;
  for (const [place, button] of [...part("gallery").children].entries()) {
    button.setAttribute("aria-pressed", place === number);
  }
}

function showGallery(item) {
  if (item.images.length < 2) return;
  const buttons = item.images.map((image, number) => {
    const small = make("img", { src: image.image_url, alt: "", width: 72, height: 72 });
    const button = make("button", { type: "button", "aria-label": `Photo ${number + 1}` }, small);
    button.addEventListener("click", () => showPhoto(item, number));
    return button;
  });
  part("gallery").append(...buttons);
  part("gallery").hidden = false;
}

async function showTag(item) {
  const { current, versions } = await fetchJson("/widget/");
  const widget = versions.find((each) => each.version === current);
  const escaped = item.item_id.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  part("tag").textContent = [
    `<script type="module" src="${location.origin}${widget.url}"`,
    `  integrity="${widget.integrity}"`,
    `  crossorigin="anonymous"></script>`,
    `<similar-items endpoint="${location.origin}"`,
    `  item-id="${escaped}" limit="12"></similar-items>`,
  ].join("\n");
  part("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(part("tag").textContent);
      part("copied").textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(part("tag"));
      part("copied").textContent = "Selected: press Ctrl+C.";
    }
  });
}

/** Tell how long the service took, as its Server-Timing header says. */
function showTiming(event) {
  const entries = performance.getEntriesByType("resource");
  const asked = entries.filter((entry) => entry.name.includes("/similar?")).at(-1);
  const search = asked?.serverTiming?.find((timing) => timing.name === "search");
  const count = event.detail.hits.length;
  part("timing").textContent = search
    ? `${count} look-alikes, found in ${search.duration.toFixed(1)} ms without a GPU`
    : "";
}

/** Say that there is no such item, and show what the service has instead of look-alikes. */
function showMissing(status) {
  part("main").append(part("missing").content.cloneNode(true));
  if (status === 404) part("instead").setAttribute("item-id", itemId);
  else {
    part("missing-title").textContent = "This page could not be loaded";
    part("instead").remove();
  }
  document.title = `${part("missing-title").textContent} · Nitamono demo shop`;
}

/** Keep which answer led to which item, so that a purchase can be told of it. */
function keepTrail({ detail }) {
  const { query_id, item_id, bundle, position, hit } = detail;
  const trail = { query_id, item_id, bundle, position, hit_item_id: hit.item_id };
  const others = remembered(TRAILS, []).filter((one) => one.hit_item_id !== hit.item_id);
  remember(TRAILS, [...others, trail].slice(-50));
}

/** Put an item into the basket; if look-alikes led here, that was their success. */
function buy() {
  const basket = [...remembered("basket", []), itemId];
  remember("basket", basket);
  showBasket();
  const added = basket.filter((id) => id === itemId).length;
  part("bought").textContent = `In your basket${added > 1 ? ` ${added} times` : ""}.`;
  const trail = remembered(TRAILS, []).find((one) => one.hit_item_id === itemId);
  if (trail?.query_id) tell({ type: "conversion", ...trail });
}

/** Tell the service what happened, if it wants to know; a beacon outlives the page. */
async function tell(event) {
  const { capabilities } = await bundle;
  if (capabilities?.events) navigator.sendBeacon("/v1/events", JSON.stringify({ events: [event] }));
}

/** After a click on a box, bring the look-alikes into view where they are below the fold. */
function showAnswer(event) {
  if (event.target !== part("photo")) return; // the picture itself, not a box over it
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  part("alike").scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "nearest" });
}

async function show() {
  let item;
  try {
    item = await fetchJson(`/v1/items/${encodeURIComponent(itemId)}`);
  } catch (error) {
    showMissing(error.status);
    return;
  }
  // All at once: what appears together cannot push what is already there.
  part("main").append(part("product").content.cloneNode(true));
  part("alike").addEventListener("similar-items:load", showTiming);
  part("alike").addEventListener("similar-items:click", keepTrail);
  part("photo").addEventListener("click", showAnswer);
  part("buy").addEventListener("click", buy);
  part("buy").disabled = item.in_stock === false;
  part("taste").href = `taste.html?like=${encodeURIComponent(item.item_id)}`;
  part("alike").setAttribute("item-id", item.item_id);
  showText(item);
  showGallery(item);
  showPhoto(item, 0);
  await showTag(item);
}

show();
