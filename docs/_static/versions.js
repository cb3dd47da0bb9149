// A menu of versions on sites that keep each in a folder of its own, beside switcher.json: /0.1.0/, /0.2.0/, /latest/.
"use strict";

document.addEventListener("DOMContentLoaded", async () => {
  const root = new URL(document.documentElement.dataset.content_root || "./", location.href);
  const folder = root.pathname.split("/").at(-2);
  if (!location.protocol.startsWith("http") || !/^(latest|stable|v?\d+\.\d+.*)$/.test(folder || "")) return;
  const answer = await fetch(new URL("../switcher.json", root));
  if (!answer.ok) return;
  const menu = document.createElement("select");
  menu.className = "versions";
  menu.setAttribute("aria-label", "Version of these pages");
  for (const { version, name } of await answer.json()) {
    menu.add(new Option(name || version, version, false, version === folder));
  }
  menu.addEventListener("change", async () => {
    const other = new URL(`../${encodeURIComponent(menu.value)}/`, root);
    const page = new URL(location.pathname.slice(root.pathname.length), other);
    const found = await fetch(page, { method: "HEAD" }).catch(() => ({ ok: false }));
    location.href = found.ok ? page : other; // a page that another version lacks
  });
  document.querySelector(".sidebar-brand")?.after(menu);
});
