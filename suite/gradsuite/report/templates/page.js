"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const made = (tag, known = {}, ...inside) => {
  const element = Object.assign(document.createElement(tag), known);
  element.append(...inside);
  return element;
};
const button = (text, act) => {
  const element = made("button", {type: "button"}, text);
  element.addEventListener("click", () => act(element));
  return element;
};

{% include "tables.js" %}

{% include "keep.js" %}

{% include "scale.js" %}

{% include "figures.js" %}

{% include "reading.js" %}
