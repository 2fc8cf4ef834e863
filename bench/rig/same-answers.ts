/** Before anything is measured: contestants must answer alike, and check what they are said to check. */
import type { Contestant } from './contest.ts';
import { tokenText } from './tokens.ts';

/**
 * @param checks names of those that must refuse a request without a credential; all others must let it pass
 * @param upstream port of what stands behind all of them
 */
export async function requireSameAnswers<Name extends string>(
  contestants: Readonly<Record<Name, Contestant>>,
  checks: readonly NoInfer<Name>[],
  upstream: string,
): Promise<void> {
  const expected = await answerOf(Number(upstream), tokenText(0));
  for (const name of Object.keys(contestants) as Name[]) {
    const { port } = contestants[name];
    const answer = await answerOf(port, tokenText(0));
    if (answer !== expected) throw new Error(`${name} answers ${answer}, and not ${expected}`);
    const [stranger] = (await answerOf(port, undefined)).split(' ');
    const right = checks.includes(name) ? '401' : '200';
    if (stranger !== right) throw new Error(`${name} answers ${stranger} to a stranger, and not ${right}`);
  }
}

/** Status, type of the content, and body. */
async function answerOf(port: number, token: string | undefined): Promise<string> {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const response = await fetch(`http://127.0.0.1:${port}/orders/1`, { headers });
  return `${response.status} ${response.headers.get('content-type')} ${await response.text()}`;
}
