"use strict";
// The secret is the fragment of the link, which browsers send to nobody. It goes into the field, and out of the address.
function take() {
  const secret = window.location.hash.slice(1);
  if (secret === "") return;
  window.history.replaceState(null, "", window.location.pathname);
  document.getElementById("secret").value = secret;
  document.querySelector("button").focus();
}
window.addEventListener("hashchange", take);
take();
