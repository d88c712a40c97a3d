// Prices: minor units on the wire (cents), as people write them on the page.

function digits(currency) {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  } catch {
    return 2;
  }
}

export function shown({ amount, currency }) {
  const value = amount / 10 ** digits(currency);
  return new Intl.NumberFormat(undefined, { style: "currency", currency }).format(value);
}

// Minor units, from "12", "12.5" or "12,50"; undefined where that is no amount in the currency.
export function minor(text, currency) {
  const places = digits(currency);
  const found = /^(\d{1,11})(?:[.,](\d+))?$/.exec(text.trim());
  const rest = found?.[2] ?? "";
  if (!found || rest.length > places) return undefined;
  return Number(found[1] + rest.padEnd(places, "0"));
}
