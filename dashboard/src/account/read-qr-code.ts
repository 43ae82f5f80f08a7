/** A QR code as a path of an SVG image. */
export interface QrCode {
  size: number;
  path: string;
}

/**
 * Reads Supabase Auth's QR code, an SVG image of squares, so that the page can draw it: its
 * Content-Security-Policy blocks `data:` images. Null for any other image; the secret is also shown as
 * text.
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
