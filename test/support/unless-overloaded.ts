/** What a server with more requests than it can begin within a second refuses (`overloaded`) is asked again, as it says. */
import { type Answer, problemOf } from './call.ts';

/** The first answer that is one, of a server that may be on a busy machine. */
export async function unlessOverloaded(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (answer.status !== 503 || problemOf(answer).code !== 'overloaded') return answer;
  }
}
