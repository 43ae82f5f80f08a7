/** No line that a gateway writes about a key is longer. */
const longest = 64 * 1024;
const newline = 0x0a;

/** Yields the lines of a log; null for a line that is too long. Holds at most one line and one chunk in memory. */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string | null> {
  let partial: Buffer[] = [];
  let length = 0;
  const add = (part: Buffer) => {
    length += part.length;
    if (length > longest) partial = [];
    else partial.push(part);
  };
  const end = () => {
    const line = length > longest ? null : Buffer.concat(partial).toString();
    partial = [];
    length = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, start)) {
      add(chunk.subarray(start, at));
      yield end();
      start = at + 1;
    }
    if (start < chunk.length) add(chunk.subarray(start));
  }
  if (length > 0) yield end();
}
