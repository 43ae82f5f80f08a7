/** A QR code as a path of an SVG image. */
export interface QrCode {
  size: number;
  path: string;
}

/**
 * Reads the QR code that Supabase Auth draws, an SVG image of squares, to be drawn by the page: its
 * Content-Security-Policy takes no `data:` image. Null for anything else; the secret is there in text too.
 */
export function readQrCode(image: string): QrCode | null {
  const size = Number(/<svg[^>]* width="(\d+)"/.exec(image)?.[1]);
  const squares = [...image.matchAll(/<rect([^>]*fill:black[^>]*)>/g)].map(
    ([, attributes = '']) => {
      const [x, y, width, height] = ['x', 'y', 'width', 'height'].map((name) =>
        Number(new RegExp(` ${name}="(\\d+)"`).exec(attributes)?.[1]),
      );
      return `M${x} ${y}h${width}v${height}h-${width}z`;
    },
  );
  const path = squares.join('');
  if (!size || squares.length === 0 || path.includes('NaN')) return null;
  return { size, path };
}
