// Python's text functions where JavaScript's differ: lm-evaluation-harness builds prompts and counts words with them.
// Truth: CPython 3, `str.strip`, `re.split`, `str.capitalize`.

/** What `str.isspace` and `\s` match, as the inside of a character class. JavaScript's own lacks U+001C-1F and U+0085 and adds U+FEFF. */
export const WHITESPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const LEADING_WHITESPACE = new RegExp(`^[${WHITESPACE}]+`);
const TRAILING_WHITESPACE = new RegExp(`[${WHITESPACE}]+$`);
const WHITESPACE_RUN = new RegExp(`[${WHITESPACE}]+`);

/** `text.strip()` */
export function strip(text: string): string {
  return text.replace(LEADING_WHITESPACE, '').replace(TRAILING_WHITESPACE, '');
}

/** `re.split(r'\s+', text)`: white space at an end gives an empty field there, and an empty text is one empty field. */
export function splitWhitespace(text: string): string[] {
  return text.split(WHITESPACE_RUN);
}

/** `text.capitalize()`: the first character in title case and all others in lower case (`THE Man` becomes `The man`). */
export function capitalize(text: string): string {
  const [first] = text;
  if (first === undefined) return '';
  // The whole text is lowered, so that a Greek sigma at its end knows that a letter stands before it.
  return titleCase(first) + text.toLowerCase().slice(first.toLowerCase().length);
}

/** Title case by upper case, for what is neither of the rules below: Croatian digraphs, and letters that Unicode lists one by one. */
const TITLE_CASE = new Map([
  ['\u01c4', '\u01c5'],
  ['\u01c7', '\u01c8'],
  ['\u01ca', '\u01cb'],
  ['\u01f1', '\u01f2'],
  ['\u02bcN', '\u02bcN'],
  ['\u0391\u0342\u0399', '\u0391\u0342\u0345'],
  ['\u0397\u0342\u0399', '\u0397\u0342\u0345'],
  ['\u03a9\u0342\u0399', '\u03a9\u0342\u0345'],
]);
const GEORGIAN = /^[\u10d0-\u10ff]$/;
const IOTA_SUBSCRIPT = '\u0345';

/** Unicode's title case of one character: `ß` becomes `Ss`, Georgian stays, Greek keeps its iota subscript. */
function titleCase(character: string): string {
  if (GEORGIAN.test(character)) return character;
  const upper = character.toUpperCase();
  const listed = TITLE_CASE.get(upper);
  if (listed !== undefined) return listed;
  const decomposed = character.normalize('NFD');
  if (decomposed.length > 1 && decomposed.endsWith(IOTA_SUBSCRIPT))
    return (decomposed.slice(0, -1).toUpperCase() + IOTA_SUBSCRIPT).normalize('NFC');
  const [head = '', ...tail] = upper;
  return head + tail.join('').toLowerCase();
}
