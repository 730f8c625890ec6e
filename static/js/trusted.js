// Trusted Types: no text becomes HTML, a script or an address of one, except where it is named here or in
// static/tablet/kept.js (the service worker). htmx reads answers into a document of their own, in which nothing runs.

const INERT = new Set(["DOMParser parseFromString", "Document parseHTMLUnsafe"]);

globalThis.trustedTypes?.createPolicy("default", {
  createHTML: (html, _kind, sink) => (INERT.has(sink) ? html : null),
});
