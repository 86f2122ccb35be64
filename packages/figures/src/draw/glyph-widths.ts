/** Advance widths of Inter Regular in thousandths of its size (OFL, rsms.me/inter): texts are laid out by them. */

/** U+0020 to U+007E. */
const ascii: readonly number[] = [
  281, 288, 466, 633, 642, 982, 644, 300, 365, 365, 501, 662, 288, 460, 288, 360, 631, 407, 610, 618, 646,
  593, 620, 566, 619, 620, 288, 302, 662, 662, 662, 511, 966, 690, 654, 730, 722, 601, 590, 746, 743, 269,
  571, 672, 565, 903, 753, 765, 639, 765, 644, 642, 646, 744, 690, 985, 682, 679, 629, 365, 360, 365, 471,
  456, 323, 562, 612, 571, 612, 583, 370, 613, 591, 242, 242, 549, 242, 876, 591, 600, 612, 612, 376, 528,
  327, 591, 562, 818, 546, 562, 552, 426, 333, 426, 662,
];
const others = 'αβγδεζηθικλμνξοπρστυφχψωΓΔΘΛΞΠΣΦΨΩ×−–±·°²≤≥∞√…ℓ½‖≈';
const otherWidths: readonly number[] = [
  664, 596, 562, 584, 537, 509, 591, 621, 275, 525, 642, 586, 587, 559, 600, 605, 612, 624, 466, 591, 721,
  569, 778, 805, 579, 681, 765, 690, 656, 743, 689, 880, 880, 770, 662, 662, 500, 662, 288, 456, 442, 662,
  662, 936, 629, 864, 444, 847, 479, 662,
];
const widths = new Map([...others].map((glyph, i) => [glyph, otherWidths[i] as number]));

/** The width of a text of size 1; what the table has not counts as wide as a capital. */
export function plainWidth(text: string): number {
  let width = 0;
  for (const glyph of text) {
    const code = glyph.codePointAt(0) as number;
    width += (code < 127 ? ascii[code - 32] : widths.get(glyph)) ?? 700;
  }
  return width / 1000;
}
