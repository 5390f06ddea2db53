/**
 * The begin of a text, as much as a screen has room for: what is wrong stands first, and would scroll out of sight.
 *
 * @param rows of the screen; its last one stays free for the cursor
 * @param columns that it has; longer lines take several rows
 */
export function fitScreen(text: string, rows: number, columns: number): string {
  const lines = text.trimEnd().split("\n");
  const height = (line: string) => Math.max(1, Math.ceil(line.length / columns));
  const isHigher = (most: number) => lines.reduce((sum, line) => sum + height(line), 0) > most;
  if (!isHigher(rows - 1)) return text;
  const dropped = lines.length;
  while (lines.length > 1 && isHigher(rows - 2)) lines.pop();
  return `${lines.join("\n")}\n… ${dropped - lines.length} lines more; without --watch all are shown\n`;
}
