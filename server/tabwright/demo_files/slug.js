// Turns headings into the last part of a page's address.

const SEPARATOR = "-";

/** Lower case, with everything but letters and digits made a separator. */
function slugify(title) {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, SEPARATOR);
}

/** Slugs of all titles; a number is added to those that were seen before. */
function uniqueSlugs(titles) {
  const seen = new Map();
  return titles.map((title) => {
    const slug = slugify(title);
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}${SEPARATOR}${count}`;
  });
}

module.exports = { slugify, uniqueSlugs };
