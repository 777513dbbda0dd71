/** Numbers as text: exact, or with the precision and separators that the user set. */

export interface NumberFormat {
  /** Significant digits, as cqlsh counts them: digits before the point come on top. Undefined: all. */
  precision?: number | undefined
  decimalSeparator?: string | undefined
  thousandsSeparator?: string | undefined
}

/** The shortest number that is this double again. */
export function doubleText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

/** The shortest number that is this 32-bit float again: 0.1, where a double would be 0.10000000149011612. */
export function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0'
  if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < 2 ** 24)) return String(value)
  // Any number of six digits survives as a float, none needs more than nine (FLT_DIG, FLT_DECIMAL_DIG of C).
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return String(short)
  }
  return String(Number(value.toPrecision(9)))
}

/** @param exact used unless the format sets a precision */
export function floatingFormat(
  { precision, decimalSeparator = '.', thousandsSeparator = '' }: NumberFormat,
  exact: (value: number) => string,
): (value: number) => string {
  if (precision === undefined && decimalSeparator === '.' && thousandsSeparator === '') return exact
  return (value) => {
    if (!Number.isFinite(value)) return String(value)
    const text = precision === undefined ? exact(value) : rounded(value, precision, thousandsSeparator !== '')
    return separated(text, decimalSeparator, thousandsSeparator)
  }
}

/** Integers and decimals of any size, as text. */
export function separated(text: string, decimalSeparator = '.', thousandsSeparator = ''): string {
  if (decimalSeparator === '.' && thousandsSeparator === '') return text
  const match = /^(-?\d+)(?:\.(\d+))?(.*)$/s.exec(text)
  if (match === null) return text
  const [, whole = '', fraction, exponent = ''] = match
  const grouped = thousandsSeparator === '' ? whole : whole.replace(/\B(?=(\d{3})+$)/g, () => thousandsSeparator)
  return `${grouped}${fraction === undefined ? '' : decimalSeparator + fraction}${exponent}`
}

/**
 * A number as cqlsh rounds it (apache/cassandra pylib/cqlshlib/formatting.py, format_floating_point_type): with
 * thousands separators to so many decimals, else as "%g" of C, the digits before the point on top of the precision.
 */
function rounded(value: number, precision: number, grouped: boolean): string {
  if (grouped && Math.abs(value) < 1e21) return withoutZeros(value.toFixed(Math.min(precision, 100)))
  const exponent = Math.abs(value) > Number.EPSILON ? Math.trunc(Math.log10(Math.abs(value))) : -Infinity
  return general(value, exponent >= -4 && exponent < precision ? precision + exponent + 1 : precision)
}

/** "%.*g" of C. */
function general(value: number, precision: number): string {
  if (value === 0) return doubleText(value)
  const digits = Math.min(Math.max(precision, 1), 100)
  const [mantissa = '', power = '0'] = value.toExponential(digits - 1).split('e')
  const exponent = Number(power)
  if (exponent >= -4 && exponent < digits) return withoutZeros(value.toFixed(Math.min(digits - 1 - exponent, 100)))
  return `${withoutZeros(mantissa)}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}
