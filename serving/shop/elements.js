/** What the shelf and the product page share: making elements, prices, addresses, the footer. */

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

export function pageOf(itemId) {
  return `item.html?id=${encodeURIComponent(itemId)}`;
}

export function shelfOf(category) {
  return category ? `./?category=${encodeURIComponent(category)}` : "./";
}

export async function fetchJson(address) {
  const answer = await fetch(address);
  if (!answer.ok) {
    const error = new Error(`${address} answered ${answer.status}`);
    error.status = answer.status;
    throw error;
  }
  return answer.json();
}

/** Tell in the footer what the shop is answering from. */
export async function showBundle(element) {
  const bundle = await fetchJson("/v1/bundle");
  const count = (number) => new Intl.NumberFormat("en").format(number);
  const { items, images, regions } = bundle.counts;
  element.textContent =
    `${count(items)} products, ${count(images)} photos and ${count(regions)} regions, ` +
    `answered from bundle ${bundle.bundle}. Everything shown is a demonstration; nothing is for sale.`;
}
