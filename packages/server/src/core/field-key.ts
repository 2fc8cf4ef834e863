/** Header fields by what servers make of their names. */

const ODD = /[^a-z0-9-]/;

/**
 * What different spellings of a name, in lower case, come down to in one server or another: CGI and its children make the name of
 * a variable of it, and write `_` for `-`, for `.`, or (lighttpd) for everything that is no letter or digit.
 */
export function fieldKey(lowerCaseName: string): string {
  return ODD.test(lowerCaseName) ? lowerCaseName.replace(/[^a-z0-9-]/g, '-') : lowerCaseName;
}
