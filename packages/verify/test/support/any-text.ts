/** Texts of any UTF-16 units, half of them of characters that mean something in a credential. */
import fc from 'fast-check';

const unit = fc.oneof(
  fc.constantFrom(...Array.from('azAZ019_-.=+/ ,;%"\\{}\r\n\t\0\u00a0\ufeff')),
  fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
);

export function anyText(maxLength: number): fc.Arbitrary<string> {
  return fc.array(unit, { maxLength, size: 'max' }).map((units) => units.join(''));
}
