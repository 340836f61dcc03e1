// Prints which callbacks the scripts offer to the pages, as [[namespace, function], ...].
import { readdirSync } from "node:fs";
import { ASSETS, Page } from "./page.mjs";

const scripts = readdirSync(ASSETS).filter((name) => name.endsWith(".js")).sort();
const page = new Page("https://portal.test/", { fetch: () => {}, React: { memo: (draw) => draw } });
page.load(...scripts.map((name) => name.slice(0, -".js".length)));
const offered = Object.entries(page.dc)
  .filter(([name, value]) => name.startsWith("gfo_") && typeof value === "object")
  .flatMap(([name, functions]) => Object.keys(functions).map((key) => [name, key]));
process.stdout.write(JSON.stringify(offered));
