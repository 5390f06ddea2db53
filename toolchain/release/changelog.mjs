// What a release makes of a version, of CHANGELOG.md and of the manual. Nothing here writes.
import { atLeast } from "../versions.mjs";

const UNRELEASED = "## Unreleased";
const BUMPS = /** @type {const} */ (["major", "minor", "patch"]);

/** The documents with commands that name the version: of the tarball, and of the tag. */
export const MANUAL = ["README.md", "docs/languages.md"];

/**
 * The version to release.
 *
 * @param {string} current
 * @param {string} wanted "major", "minor", "patch", or the version itself
 * @returns {string}
 * @throws {Error} when `wanted` is none of these, or not newer than `current`
 */
export function nextVersion(current, wanted) {
  const numbers = current.split(".").map(Number);
  const at = BUMPS.findIndex((bump) => bump === wanted);
  if (at >= 0) {
    return numbers.map((number, i) => (i < at ? number : i === at ? number + 1 : 0)).join(".");
  }
  if (!/^\d+\.\d+\.\d+$/.test(wanted)) {
    throw new Error(`a release is major, minor, patch or a version like 1.2.3, got "${wanted}"`);
  }
  if (wanted === current || !atLeast(wanted, current)) {
    throw new Error(`${wanted} is not newer than ${current}, the version in package.json`);
  }
  return wanted;
}

/**
 * The changelog with what was unreleased under the new version, and an empty "Unreleased" above it.
 *
 * @param {string} changelog
 * @param {string} version
 * @param {string} date like 2026-11-25
 * @returns {{text: string, notes: string}} `notes`: what is new in this version, without its heading
 * @throws {Error} when nothing stands under "Unreleased", or the version is there already
 */
export function releasedChangelog(changelog, version, date) {
  if (changelog.includes(`\n## ${version} `)) {
    throw new Error(`CHANGELOG.md has a section of ${version} already`);
  }
  const [before, rest] = changelog.split(`${UNRELEASED}\n`);
  if (rest === undefined) throw new Error(`CHANGELOG.md has no line "${UNRELEASED}"`);
  const notes = rest.split(/^## /m, 1)[0]?.trim() ?? "";
  if (!/^- /m.test(notes)) {
    throw new Error(`CHANGELOG.md says nothing under "${UNRELEASED}": say there what users get`);
  }
  const text = `${before}${UNRELEASED}\n\n## ${version} (${date})\n${rest}`;
  return { text, notes };
}

/**
 * A document of the manual with the tarball and the tag of the new version in its commands.
 *
 * @param {string} text
 * @param {string} current
 * @param {string} version
 */
export function releasedManual(text, current, version) {
  const named = new RegExp(`(ollama-mesh(?:-|@v))${current.replaceAll(".", "\\.")}(?!\\d)`, "g");
  return text.replace(named, `$1${version}`);
}
