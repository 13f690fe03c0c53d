// Paths of an SVG in coordinates relative to the point before, which take a third less space: a file's letters are all paths.

/** Of what skia writes: M, L, Q, C and Z with absolute coordinates; what has other commands stays as it is. To 1/100 pixel. */
export function relativePaths(svg: string): string {
  return svg.replace(/ d="([MLQCZ\d\s.,-]*)"/g, (_, path: string) => ` d="${relativePath(path)}"`);
}

function relativePath(path: string): string {
  let [x, y, startX, startY] = [0, 0, 0, 0];
  const commands = [...path.matchAll(/([MLQCZ])([^MLQCZ]*)/g)].map(([, command, text]) => {
    if (command === 'Z') {
      [x, y] = [startX, startY];
      return 'z';
    }
    // Whole hundredths, so that rounding does not add up along the path.
    const numbers = (text!.match(/-?[\d.]+/g) ?? []).map((number) => Math.round(100 * Number(number)));
    const steps = numbers.map((number, k) => number - (k % 2 === 0 ? x : y));
    [x, y] = [numbers.at(-2)!, numbers.at(-1)!];
    if (command === 'M') [startX, startY] = [x, y];
    return command!.toLowerCase() + steps.map(hundredths).join(' ').replaceAll(' -', '-');
  });
  return commands.join('');
}

/** 0.5 is .5, which SVG reads too. */
function hundredths(value: number): string {
  return String(value / 100).replace(/^(-?)0\./, '$1.');
}
