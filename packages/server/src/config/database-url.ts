/** What the URL of a database says before anybody connects. */

export function isDatabaseUrl(text: string): boolean {
  if (!isForNodes(text)) return /^sqlite:[^\0]+$/.test(text);
  const url = URL.parse(text);
  return url !== null && url.pathname.length > 1;
}

/** Whether nodes on several machines may share it. Over a file there is one machine. */
export function isForNodes(text: string | undefined): boolean {
  return text !== undefined && /^postgres(?:ql)?:\/\//.test(text);
}
