// A button on every block of code that copies it, without prompts and what was printed.
"use strict";

function codeOf(block) {
  const lines = block.textContent.replace(/\n$/, "").split("\n");
  const prompt = /^(\$ |>>> |\.\.\. ?)/;
  const typed = lines.filter((line) => prompt.test(line)).map((line) => line.replace(prompt, ""));
  return (typed.length ? typed : lines).join("\n");
}

document.addEventListener("DOMContentLoaded", () => {
  if (!navigator.clipboard) return; // pages opened from a disk, in some browsers
  for (const block of document.querySelectorAll("div.highlight")) {
    if (block.closest(".cell_output")) continue;
    const button = document.createElement("button");
    button.className = "copy";
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(codeOf(block.querySelector("pre")));
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.append(button);
  }
});
