// As much of Markdown as the manual's tests need.

/** A fenced block. */
export interface Block {
  /** The word after the fence; "" for none. */
  language: string;
  text: string;
  /** Of its first line in the document, from 1. */
  line: number;
}

const FENCED = /^```(\w*)\n([\s\S]*?)^```$/gm;

/** Every fenced block, in order. */
export const blocks = (markdown: string): Block[] =>
  [...markdown.matchAll(FENCED)].map(({ 1: language = "", 2: text = "", index }) => ({
    language,
    text,
    line: markdown.slice(0, index).split("\n").length + 1,
  }));

/** Without its fenced blocks. */
const prose = (markdown: string) => markdown.replace(FENCED, "");

/** What stands between backquotes outside blocks. */
export const codeSpans = (markdown: string) =>
  [...prose(markdown).matchAll(/`([^`\n]+)`/g)].map((each) => each[1]!);

/** Titles of the headings of one level, or of all. */
export const headings = (markdown: string, level?: number) =>
  [...prose(markdown).matchAll(/^(#+) (.*)$/gm)]
    .filter((each) => level === undefined || each[1]!.length === level)
    .map((each) => each[2]!);

/** What a link to a heading ends with, as GitHub makes it. */
export const anchor = (title: string) =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- ]/gu, "")
    .replaceAll(" ", "-");

/** Every link outside code: its text and target. */
export const links = (markdown: string) =>
  [...prose(markdown).matchAll(/\[([^\]]+)\]\(([^)\s]+)\)/g)].map(
    ({ 1: text = "", 2: target = "" }) => ({ text, target }),
  );
