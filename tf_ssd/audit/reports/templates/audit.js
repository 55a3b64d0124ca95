for (const list of document.querySelectorAll(".roving")) {
  document.querySelector(".filter").addEventListener("change", roving(list, "tr a, details > summary"));
}
function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (!target || target.tagName !== "DETAILS") return;
  if (!target.checkVisibility()) document.getElementById("every").click();
  target.open = true;
  target.querySelector("summary").focus();
}
addEventListener("hashchange", openTarget);
openTarget();
