// Before the first paint: the colours that this visitor chose. A classic script, so that nothing flashes.
try {
  document.documentElement.dataset.theme = localStorage.getItem("skysort-theme") || "auto";
} catch {
  // Storage may be switched off; then the system's own setting counts.
}
